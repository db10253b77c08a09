/** A conversation as a job carries it to engines that only speak chat: in the contract's words, with everything said that they might assume otherwise. */
import type { Chat, ChatMessage } from '../../../workers/contract/chat.js'
import type { AnswerForm } from '../../dialects/answer-form.js'
import type { Conversation, Effort, Message } from '../../language/conversation.js'
import { toPlainJson } from '../../language/json/plain-json.js'

export interface ChatInputs {
  conversation: Conversation
  answerForm: AnswerForm
  stopStrings: string[]
  effort: Effort
}

/** Calls go back by the ids their engine gave them, where that was not ours: some find their own text of a call by its id. */
export function chatOf ({ conversation, answerForm, stopStrings, effort }: ChatInputs): Chat {
  const { messages, tools, toolChoice, allowsParallelToolCalls } = conversation
  const engineIds = new Map(messages.flatMap(message => message.role === 'assistant' ? message.toolCalls.map(({ id, engineId }): [string, string] => [id, engineId ?? id]) : []))
  return {
    messages: messages.map(message => messageOf(message, engineIds)),
    tools: tools.map(({ name, description, parameters, isStrict }) => ({ name, description, parameters: parameters === null ? null : toPlainJson(parameters), isStrict })),
    toolChoice,
    allowsParallelToolCalls,
    responseFormat: answerForm.kind === 'schema' ? { kind: 'schema', name: 'answer', schema: toPlainJson(answerForm.schema) } : { kind: answerForm.kind },
    effort,
    stopStrings
  }
}

function messageOf (message: Message, engineIds: ReadonlyMap<string, string>): ChatMessage {
  if (message.role === 'tool') return { role: 'tool', toolCallId: engineIds.get(message.toolCallId) ?? message.toolCallId, content: message.content }
  if (message.role !== 'assistant') return { role: message.role, content: message.content }
  const { role, content, reasoning, toolCalls, isPrefix } = message
  return { role, content, reasoning, isPrefix, toolCalls: toolCalls.map(({ id, name, argumentsText }) => ({ id: engineIds.get(id) ?? id, name, argumentsText })) }
}
