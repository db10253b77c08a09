/**
 * From a request body to a ChatRequest, or the error that says which field is wrong. Pure.
 *
 * What depends on the tier or on thinking (context length, a forced tool call, replay of reasoning) is
 * checked later, where that is known.
 */
import { GatewayError } from '../../errors.js'
import type { Message } from '../../language/conversation.js'
import { responseFormatOf } from '../answer-form.js'
import { costWishesOf } from '../cost-fields.js'
import type { RequestBody } from '../request-body.js'
import { stopStringsOf } from '../sampling-fields.js'
import { requireStrictSchema } from '../strict-schema.js'
import { firstUnansweredCall } from '../tool-results.js'
import { parseOrThrow } from '../validation-error.js'
import { chatRules, type ChatRequest } from './chat-request.js'
import { chatRequestSchema, type ChatRequestBody } from './request-schema.js'
import { requestedThinking, showsReasoning } from './requested-thinking.js'
import { toMessages } from './to-messages.js'
import { toSampling } from './to-sampling.js'
import { toAnswerForm, toToolChoice, toTools } from './to-tools.js'

/** @throws GatewayError invalid_type, invalid_value, missing_required_parameter, unsupported_parameter */
export function parseChatRequest (source: RequestBody): ChatRequest {
  const body = parseOrThrow(chatRequestSchema, source.value)
  refuseContradictions(body)
  const messages = toMessages(body, source)
  requireToolResults(messages)

  requireStrictSchemas(body)
  const tools = toTools(body.tools, source)
  const answerForm = toAnswerForm(body.response_format, source)
  if (answerForm.kind === 'json') requireJsonWord(messages)

  return {
    model: body.model,
    conversation: {
      messages,
      tools,
      toolChoice: toToolChoice(body.tool_choice, tools),
      allowsParallelToolCalls: body.parallel_tool_calls !== false,
      responseFormat: responseFormatOf(answerForm)
    },
    answerForm,
    thinking: requestedThinking(body),
    sampling: toSampling(body),
    stopStrings: stopStringsOf(body),
    choices: body.n ?? 1,
    isStream: body.stream === true,
    includesUsage: body.stream_options?.include_usage === true || body.usage?.include === true,
    ...costWishesOf(body),
    showsReasoning: showsReasoning(body),
    cacheUser: body.user_id ?? body.cache_salt ?? body.user ?? null,
    rules: chatRules
  }
}

function refuseContradictions (body: ChatRequestBody): void {
  if (body.stream_options !== null && body.stream_options !== undefined && body.stream !== true) {
    throw new GatewayError('invalid_value', 'stream_options is allowed only when stream is true', { parameter: 'stream_options' })
  }
  if (body.continue_final_message === true && body.messages.at(-1)?.role !== 'assistant') {
    throw new GatewayError('invalid_value', 'continue_final_message needs the last message to be of role assistant', { parameter: 'continue_final_message' })
  }
}

function requireStrictSchemas ({ tools }: Pick<ChatRequestBody, 'tools'>): void {
  tools?.forEach(({ function: { strict, parameters } }, index) => {
    if (strict === true && parameters !== null && parameters !== undefined) requireStrictSchema(parameters, `tools[${index}].function.parameters`)
  })
}

function requireToolResults (messages: Message[]): void {
  const nameless = messages.findIndex(message => message.role === 'tool' && message.toolCallId === '')
  if (nameless !== -1) throw new GatewayError('missing_required_parameter', `A tool message must have its tool_call_id: messages[${nameless}]`, { parameter: `messages[${nameless}].tool_call_id` })
  const unanswered = firstUnansweredCall(messages)
  if (unanswered === null) return
  throw new GatewayError('invalid_value', "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. (insufficient tool messages following tool_calls message)", { parameter: `messages[${unanswered.index}].tool_calls` })
}

function requireJsonWord (messages: Message[]): void {
  if (messages.some(message => /json/i.test(message.content))) return
  throw new GatewayError('invalid_value', "Prompt must contain the word 'json' in some form to use 'response_format' of type 'json_object'.", { parameter: 'messages' })
}
