/** Tools and tool choice of a messages request, as the conversation has them. */
import { GatewayError } from '../../errors.js'
import type { Conversation, ToolChoice, ToolDefinition } from '../../language/conversation.js'
import type { RequestBody } from '../request-body.js'
import { requireUniqueNames } from '../tool-names.js'
import type { CountTokensBody } from './request-schema.js'

/** @throws GatewayError invalid_value when two tools share a name */
export function toTools (tools: CountTokensBody['tools'], source: RequestBody): ToolDefinition[] {
  const given = (tools ?? []).map((tool, index) => ({ tool, index }))
    .filter(({ tool }) => tool.type === null || tool.type === undefined || tool.type === 'custom')
  requireUniqueNames(given.map(({ tool }) => tool.name), position => `tools[${given[position]?.index ?? position}].name`)
  return given.map(({ tool, index }) => ({
    name: tool.name,
    description: tool.description ?? null,
    parameters: source.exact(['tools', index, 'input_schema']) ?? null,
    isStrict: tool.strict === true
  }))
}

/** @throws GatewayError invalid_value when the choice asks for what is not offered */
export function toToolChoice (choice: CountTokensBody['tool_choice'], tools: readonly ToolDefinition[]): Pick<Conversation, 'toolChoice' | 'allowsParallelToolCalls'> {
  return { toolChoice: kindOf(choice, tools), allowsParallelToolCalls: choice?.disable_parallel_tool_use !== true }
}

function kindOf (choice: CountTokensBody['tool_choice'], tools: readonly ToolDefinition[]): ToolChoice {
  switch (choice?.type) {
    case undefined: return { kind: tools.length === 0 ? 'none' : 'auto' }
    case 'none':
    case 'auto': return { kind: choice?.type ?? 'auto' }
    case 'any':
      if (tools.length === 0) throw new GatewayError('invalid_value', "tool_choice 'any' needs tools", { parameter: 'tool_choice' })
      return { kind: 'required' }
    case 'tool': {
      const { name } = choice ?? {}
      if (typeof name === 'string' && tools.some(tool => tool.name === name)) return { kind: 'named', name }
      throw new GatewayError('invalid_value', `tool_choice names '${String(name).slice(0, 128)}', which is not in tools`, { parameter: 'tool_choice.name' })
    }
  }
}
