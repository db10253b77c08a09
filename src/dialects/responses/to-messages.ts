/**
 * Input items to the conversation's messages. What an assistant said, thought and called between two turns of others is
 * one message, as it was one answer.
 */
import { GatewayError } from '../../errors.js'
import type { AssistantMessage, Message } from '../../language/conversation.js'
import { toPythonJson } from '../../language/json/python-json.js'
import type { Item, Part } from './request-schema.js'
import { openReasoning } from './sealed-reasoning.js'

const textTypes = new Set(['text', 'input_text', 'output_text'])
/** Named in place, as the hosted API does for models that read text only. */
const imageTypes = new Set(['input_image', 'image_url'])

/** @throws GatewayError unsupported_parameter, missing_required_parameter, invalid_value */
export function toMessages (input: string | readonly Item[] | null | undefined): Message[] {
  if (input === null || input === undefined) return []
  if (typeof input === 'string') return [{ role: 'user', content: input }]
  const messages: Message[] = []
  for (const [index, item] of input.entries()) addItem(messages, item, `input[${index}]`)
  return messages
}

function addItem (messages: Message[], item: Item, path: string): void {
  switch (item.type) {
    case null:
    case undefined:
    case 'message':
      addMessage(messages, item, path)
      return
    case 'reasoning':
      turnWithout(messages, turn => turn.content !== '' || turn.toolCalls.length > 0 || turn.reasoning !== null).reasoning = reasoningOf(item)
      return
    case 'function_call':
      addCall(messages, item, path, item.arguments ?? '{}')
      return
    case 'custom_tool_call':
      addCall(messages, item, path, toPythonJson(new Map([['input', item.input ?? '']])))
      return
    case 'function_call_output':
    case 'custom_tool_call_output':
      messages.push({ role: 'tool', toolCallId: required(item.call_id, `${path}.call_id`), content: outputText(item.output) })
  }
}

function addMessage (messages: Message[], { role, content }: Item, path: string): void {
  const text = textOf(content, `${path}.content`)
  switch (role) {
    case 'user':
      messages.push({ role, content: text })
      return
    case 'system':
    case 'developer':
      messages.push({ role: 'system', content: text })
      return
    case 'assistant':
      turnWithout(messages, turn => turn.content !== '').content = text
      return
    default:
      required(role, `${path}.role`)
      throw new GatewayError('invalid_type', `Failed to deserialize the JSON body into the target type: ${path}.role: unknown variant \`${String(role).slice(0, 80)}\`, expected one of \`user\`, \`assistant\`, \`system\`, \`developer\``, { parameter: `${path}.role` })
  }
}

function addCall (messages: Message[], { call_id: id, name }: Item, path: string, argumentsText: string): void {
  const call = { id: required(id, `${path}.call_id`), name: required(name, `${path}.name`), argumentsText }
  turnWithout(messages, () => false).toolCalls.push(call)
}

/** The assistant's turn at the end of the messages, or a new one when there is none or it `isFull`. */
function turnWithout (messages: Message[], isFull: (turn: AssistantMessage) => boolean): AssistantMessage {
  const last = messages.at(-1)
  if (last?.role === 'assistant' && !isFull(last)) return last
  const turn: AssistantMessage = { role: 'assistant', content: '', reasoning: null, toolCalls: [], isPrefix: false }
  messages.push(turn)
  return turn
}

function reasoningOf ({ content, encrypted_content: sealed }: Item): string | null {
  const text = typeof content === 'string' ? content : content?.map(part => part.text ?? '').join('') ?? ''
  if (text !== '') return text
  return typeof sealed === 'string' ? openReasoning(sealed) : null
}

function textOf (content: Item['content'], path: string): string {
  if (typeof content === 'string') return content
  return (content ?? []).map((part, index) => partText(part, `${path}[${index}]`)).join('\n\n')
}

function partText (part: Part, path: string): string {
  if (part.type === 'refusal') return part.refusal ?? ''
  if (textTypes.has(part.type)) return required(part.text, `${path}.text`)
  if (!imageTypes.has(part.type)) {
    throw new GatewayError('unsupported_parameter', `This model reads text only: content of type '${part.type.slice(0, 80)}' is not supported`, { parameter: path })
  }
  const sources = ['image_url', 'file_id'].filter(key => part[key] !== null && part[key] !== undefined)
  if (sources.length !== 1) throw new GatewayError('invalid_value', `${path} must have exactly one of image_url and file_id`, { parameter: path })
  return `[Unsupported ${part.type}]`
}

function outputText (output: Item['output']): string {
  if (typeof output === 'string') return output
  return (output ?? []).map(part => textTypes.has(part.type) ? part.text ?? '' : `[Unsupported ${part.type.slice(0, 80)}]`).join('\n\n')
}

function required (value: string | null | undefined, path: string): string {
  if (typeof value === 'string' && value !== '') return value
  if (value === '' && path.endsWith('.text')) return value
  throw new GatewayError('missing_required_parameter', `Missing required parameter: '${path}'.`, { parameter: path })
}
