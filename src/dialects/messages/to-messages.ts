/**
 * Content blocks to the conversation's messages. V4 reads text only: what a user shows as an image is refused by name, what
 * a tool returned as one is named in its place, and blocks of an assistant that only another server could have written
 * (server tools, redacted thinking) are left out.
 */
import { GatewayError } from '../../errors.js'
import type { Message, ToolCall } from '../../language/conversation.js'
import { toPythonJson } from '../../language/json/python-json.js'
import type { RequestBody } from '../request-body.js'
import type { Block, CountTokensBody, InputMessage, TextPart } from './request-schema.js'

/** Claude Code puts a line with a hash that changes on every request into the system prompt: it is not for the model, and would defeat every prefix cache. */
const billingLine = 'x-anthropic-billing-header:'

/** @throws GatewayError unsupported_parameter, missing_required_parameter */
export function toMessages ({ system, messages }: Pick<CountTokensBody, 'system' | 'messages'>, source: RequestBody): Message[] {
  const last = messages.length - 1
  return [
    ...toSystemMessages(system),
    ...messages.flatMap((message, index) => toMessage(message, { index, isLast: index === last, source }))
  ]
}

interface Place {
  index: number
  isLast: boolean
  source: RequestBody
}

function toSystemMessages (system: CountTokensBody['system']): Message[] {
  if (system === null || system === undefined) return []
  const parts: TextPart[] = typeof system === 'string' ? [{ type: 'text', text: system }] : system
  return parts.filter(part => part.text?.startsWith(billingLine) !== true)
    .map((part, index) => ({ role: 'system', content: textOf(part, `system[${index}]`) }))
}

function toMessage ({ role, content }: InputMessage, place: Place): Message[] {
  const blocks: Block[] = typeof content === 'string' ? [{ type: 'text', text: content }] : content
  if (role === 'assistant') return [toAssistantMessage(blocks, place)]
  if (role === 'system') return blocks.map((block, position) => ({ role, content: textOf(block, pathOf(place, position)) }))
  // An empty turn is still a turn.
  return blocks.length === 0 ? [{ role, content: '' }] : blocks.map((block, position) => toUserMessage(block, pathOf(place, position)))
}

function toUserMessage (block: Block, path: string): Message {
  if (block.type !== 'tool_result') return { role: 'user', content: textOf(block, path) }
  if (typeof block.tool_use_id !== 'string') throw missing(`${path}.tool_use_id`)
  return { role: 'tool', toolCallId: block.tool_use_id, content: resultText(block) }
}

function toAssistantMessage (blocks: Block[], place: Place): Message {
  const thinking = blocks.filter(block => block.type === 'thinking').map(block => block.thinking ?? '')
  return {
    role: 'assistant',
    content: blocks.map((block, position) => block.type === 'text' ? textOf(block, pathOf(place, position)) : '').filter(text => text !== '').join('\n\n'),
    reasoning: thinking.length === 0 ? null : thinking.join(''),
    toolCalls: blocks.flatMap((block, position) => block.type === 'tool_use' ? [toToolCall(block, place, position)] : []),
    // An assistant's message at the end is the beginning of the answer.
    isPrefix: place.isLast && !blocks.some(block => block.type === 'tool_use')
  }
}

function toToolCall (block: Block, place: Place, position: number): ToolCall {
  const path = pathOf(place, position)
  if (typeof block.id !== 'string') throw missing(`${path}.id`)
  if (typeof block.name !== 'string') throw missing(`${path}.name`)
  const input = place.source.exact(['messages', place.index, 'content', position, 'input'])
  return { id: block.id, name: block.name, argumentsText: input instanceof Map ? toPythonJson(input) : '{}' }
}

/** The model is told of a failure that says nothing else. */
function resultText ({ content, is_error: isError }: Block): string {
  const text = typeof content === 'string' ? content : Array.isArray(content) ? partsText(content) : ''
  return text === '' && isError === true ? 'Error' : text
}

function partsText (parts: readonly TextPart[]): string {
  return parts.map(part => part.type === 'text' ? part.text ?? '' : `[Unsupported ${part.type.slice(0, 80)}]`).join('\n\n')
}

function textOf (block: Block | TextPart, path: string): string {
  if (block.type === 'text') {
    if (typeof block.text !== 'string') throw missing(`${path}.text`)
    return block.text
  }
  const text = 'source' in block || 'content' in block ? carriedText(block as Block) : null
  if (text !== null) return text
  throw new GatewayError('unsupported_parameter', `This model reads text only: content of type '${block.type.slice(0, 80)}' is not supported`, { parameter: path })
}

/** Documents and search results whose content is text. */
function carriedText ({ type, source, content, title }: Block): string | null {
  const heading = typeof title === 'string' && title !== '' ? `${title}\n` : ''
  if (type === 'search_result' && Array.isArray(content)) return heading + partsText(content)
  if (type !== 'document' || typeof source !== 'object' || source === null) return null
  if (source.type === 'text' && typeof source.data === 'string') return heading + source.data
  if (source.type !== 'content') return null
  return heading + (typeof source.content === 'string' ? source.content : partsText(source.content ?? []))
}

function pathOf ({ index }: Place, position: number): string {
  return `messages[${index}].content[${position}]`
}

function missing (path: string): GatewayError {
  return new GatewayError('missing_required_parameter', `${path}: Field required`, { parameter: path })
}
