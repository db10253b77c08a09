/** Chat messages to the conversation's messages. */
import { GatewayError } from '../../errors.js'
import { toPythonJson } from '../../language/json/python-json.js'
import type { Message, ToolCall } from '../../language/conversation.js'
import type { RequestBody } from '../request-body.js'
import type { AssistantMessage, ChatMessage } from './message-schema.js'
import { plainText, toolResultText } from './plain-text.js'
import type { ChatRequestBody } from './request-schema.js'

/** @throws GatewayError unsupported_parameter, invalid_value */
export function toMessages (body: Pick<ChatRequestBody, 'messages' | 'continue_final_message'>, source: RequestBody): Message[] {
  const last = body.messages.length - 1
  return body.messages.map((message, index) => {
    const continues = index === last && body.continue_final_message === true
    return toMessage(message, { index, isLast: index === last, continues, source })
  })
}

interface Place {
  index: number
  isLast: boolean
  continues: boolean
  source: RequestBody
}

function toMessage (message: ChatMessage, place: Place): Message {
  const path = `messages[${place.index}].content`
  switch (message.role) {
    case 'system':
    case 'developer':
      return { role: 'system', content: plainText(message.content, path) }
    case 'latest_reminder':
      return { role: 'latest_reminder', content: plainText(message.content, path) }
    case 'user':
      return { role: 'user', content: plainText(message.content, path) }
    case 'tool':
      return { role: 'tool', toolCallId: message.tool_call_id ?? '', content: toolResultText(message.content, path) }
    case 'assistant':
      return toAssistantMessage(message, place)
  }
}

function toAssistantMessage (message: AssistantMessage, place: Place): Message {
  if (message.prefix === true && !place.isLast) {
    throw new GatewayError('invalid_value', 'Only the last message may have `prefix` set to true, and it must be of role assistant', { parameter: `messages[${place.index}].prefix` })
  }
  return {
    role: 'assistant',
    content: plainText(message.content, `messages[${place.index}].content`),
    reasoning: reasoningOf(message),
    toolCalls: (message.tool_calls ?? []).map((call, callIndex): ToolCall => ({
      id: call.id ?? '',
      name: call.function.name,
      argumentsText: argumentsText(call.function.arguments, place, callIndex)
    })),
    isPrefix: message.prefix === true || place.continues
  }
}

/** DeepSeek's name, vLLM's name, OpenRouter's list. */
function reasoningOf (message: AssistantMessage): string | null {
  const details = message.reasoning_details?.map(detail => detail.text ?? '').join('')
  return message.reasoning_content ?? message.reasoning ?? (details === undefined || details === '' ? null : details)
}

function argumentsText (value: string | Record<string, unknown> | null | undefined, place: Place, callIndex: number): string {
  if (typeof value === 'string') return value
  const exact = place.source.exact(['messages', place.index, 'tool_calls', callIndex, 'function', 'arguments'])
  return value === null || value === undefined || exact === undefined ? '{}' : toPythonJson(exact)
}
