/** Tools, tool choice and response format of a chat request, as the conversation has them. */
import { GatewayError } from '../../errors.js'
import type { ToolChoice, ToolDefinition } from '../../language/conversation.js'
import type { AnswerForm } from '../answer-form.js'
import type { BodyPath, RequestBody } from '../request-body.js'
import { requireUniqueNames } from '../tool-names.js'
import type { ChatRequestBody } from './request-schema.js'

interface GivenTool {
  function: { name: string, description?: string | null | undefined, parameters?: object | null | undefined, strict?: boolean | null | undefined }
}

/**
 * `path` is where the list stands in the body.
 *
 * @throws GatewayError invalid_value when two tools share a name
 */
export function toTools (tools: readonly GivenTool[] | null | undefined, source: RequestBody, path: BodyPath = ['tools']): ToolDefinition[] {
  const given = tools ?? []
  requireUniqueNames(given.map(tool => tool.function.name), index => `tools[${index}].function.name`)
  return given.map((tool, index) => {
    const { name, description, parameters, strict } = tool.function
    const isGiven = parameters !== null && parameters !== undefined
    return {
      name,
      description: description ?? null,
      parameters: isGiven ? source.exact([...path, index, 'function', 'parameters']) ?? null : null,
      isStrict: strict === true
    }
  })
}

/** @throws GatewayError invalid_value when the choice names what is not offered */
export function toToolChoice (choice: ChatRequestBody['tool_choice'], tools: ToolDefinition[]): ToolChoice {
  if (choice === null || choice === undefined) return { kind: tools.length === 0 ? 'none' : 'auto' }
  if (typeof choice === 'object') {
    const { name } = choice.function
    if (!tools.some(tool => tool.name === name)) {
      throw new GatewayError('invalid_value', `tool_choice names '${name.slice(0, 128)}', which is not in tools`, { parameter: 'tool_choice' })
    }
    return { kind: 'named', name }
  }
  if (choice === 'required' && tools.length === 0) {
    throw new GatewayError('invalid_value', "tool_choice 'required' needs tools", { parameter: 'tool_choice' })
  }
  return { kind: choice }
}

/** @throws GatewayError missing_required_parameter */
export function toAnswerForm (format: ChatRequestBody['response_format'], source: RequestBody): AnswerForm {
  if (format === null || format === undefined || format.type === 'text') return { kind: 'text' }
  if (format.type === 'json_object') return { kind: 'json' }
  const schema = source.exact(['response_format', 'json_schema', 'schema'])
  if (!(schema instanceof Map)) {
    throw new GatewayError('missing_required_parameter', 'response_format.json_schema.schema is required', { parameter: 'response_format.json_schema.schema' })
  }
  return { kind: 'schema', schema, isRequired: true }
}
