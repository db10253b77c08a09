/** Calls and their results: a model that never sees the result of its call would have to invent one. */
import type { Message } from '../language/conversation.js'

export interface UnansweredCall {
  id: string
  /** Place of the assistant message among the messages. */
  index: number
}

/** The first call whose result does not come before the next message that is no result; null when all are answered. */
export function firstUnansweredCall (messages: readonly Message[]): UnansweredCall | null {
  let open = new Map<string, number>()
  for (const [index, message] of messages.entries()) {
    if (message.role === 'tool') {
      open.delete(message.toolCallId)
      continue
    }
    if (open.size > 0) break
    if (message.role === 'assistant' && !message.isPrefix) open = new Map(message.toolCalls.map(call => [call.id, index]))
  }
  const [first] = open
  return first === undefined ? null : { id: first[0], index: first[1] }
}
