/** Tools and tool choice of a responses request, as the conversation has them. */
import { GatewayError } from '../../errors.js'
import type { ToolChoice, ToolDefinition } from '../../language/conversation.js'
import type { JsonValue } from '../../language/json/json-value.js'
import { functionNameSchema } from '../chat/tool-schema.js'
import type { RequestBody } from '../request-body.js'
import { requireUniqueNames } from '../tool-names.js'
import type { ResponsesBody } from './request-schema.js'

type Tool = NonNullable<ResponsesBody['tools']>[number]

export interface OfferedTools {
  tools: ToolDefinition[]
  /** Names of tools whose calls carry free text instead of JSON. */
  customNames: ReadonlySet<string>
}

/** The only custom tool the hosted API takes; Codex edits files with it. */
const customTool = 'apply_patch'

/** @throws GatewayError invalid_value, missing_required_parameter, unsupported_parameter */
export function toTools (given: ResponsesBody['tools'], source: RequestBody): OfferedTools {
  const served = (given ?? []).map((tool, index) => ({ tool, index })).filter(({ tool }) => tool.type === 'function' || tool.type === 'custom')
  const tools = served.map(({ tool, index }) => toDefinition(tool, index, source))
  requireUniqueNames(tools.map(tool => tool.name), position => `tools[${served[position]?.index ?? position}].name`)
  return { tools, customNames: new Set(served.filter(({ tool }) => tool.type === 'custom').map(({ tool }) => tool.name ?? '')) }
}

function toDefinition (tool: Tool, index: number, source: RequestBody): ToolDefinition {
  const path = `tools[${index}].name`
  if (typeof tool.name !== 'string') throw new GatewayError('missing_required_parameter', `Missing required parameter: '${path}'.`, { parameter: path })
  if (tool.type === 'custom') {
    if (tool.name !== customTool) throw new GatewayError('unsupported_parameter', `Custom tools other than ${customTool} are not supported`, { parameter: path })
    return { name: tool.name, description: customDescription(tool), parameters: freeText(), isStrict: false }
  }
  const name = functionNameSchema.safeParse(tool.name)
  if (!name.success) throw new GatewayError('invalid_value', `Invalid ${path}: ${name.error.issues[0]?.message ?? ''}`, { parameter: path })
  return { name: tool.name, description: tool.description ?? null, parameters: source.exact(['tools', index, 'parameters']) ?? null, isStrict: tool.strict === true }
}

function customDescription ({ description, format }: Tool): string {
  const grammar = typeof format?.definition === 'string' ? `The input follows this ${format.syntax ?? ''} grammar:\n${format.definition}` : ''
  return [description ?? '', grammar].filter(text => text !== '').join('\n\n')
}

/** V4 knows calls with parameters only: free text is the one parameter of such a tool. */
function freeText (): JsonValue {
  return new Map<string, JsonValue>([
    ['type', 'object'],
    ['properties', new Map([['input', new Map([['type', 'string']])]])],
    ['required', ['input']]
  ])
}

/** The choice, and the tools that it leaves. @throws GatewayError invalid_value, unsupported_parameter */
export function chooseTools (choice: ResponsesBody['tool_choice'], tools: ToolDefinition[]): { toolChoice: ToolChoice, tools: ToolDefinition[] } {
  if (choice === null || choice === undefined) return { toolChoice: { kind: tools.length === 0 ? 'none' : 'auto' }, tools }
  if (typeof choice === 'string') return { toolChoice: forced(choice, tools), tools }
  if (choice.type === 'allowed_tools') {
    const names = new Set(choice.tools?.map(tool => tool.name))
    const allowed = tools.filter(tool => names.has(tool.name))
    return { toolChoice: forced(choice.mode ?? 'auto', allowed), tools: allowed }
  }
  if (choice.type !== 'function' && choice.type !== 'custom') {
    throw new GatewayError('unsupported_parameter', `tool_choice asks for '${choice.type.slice(0, 80)}', a tool that is not served here`, { parameter: 'tool_choice' })
  }
  const { name } = choice
  if (typeof name !== 'string' || !tools.some(tool => tool.name === name)) {
    throw new GatewayError('invalid_value', `tool_choice names '${String(name).slice(0, 128)}', which is not in tools`, { parameter: 'tool_choice' })
  }
  return { toolChoice: { kind: 'named', name }, tools }
}

function forced (kind: 'none' | 'auto' | 'required', tools: ToolDefinition[]): ToolChoice {
  if (kind === 'required' && tools.length === 0) throw new GatewayError('invalid_value', "tool_choice 'required' needs tools", { parameter: 'tool_choice' })
  return { kind }
}
