/** From a body of POST /v1/responses to what the gateway answers. Pure. */
import { GatewayError } from '../../errors.js'
import type { Message } from '../../language/conversation.js'
import { responseFormatOf, type AnswerForm } from '../answer-form.js'
import { costWishesOf } from '../cost-fields.js'
import type { RequestBody } from '../request-body.js'
import { samplingOf } from '../sampling-fields.js'
import { parseOrThrow } from '../validation-error.js'
import { responsesRequestSchema, type ResponsesBody } from './request-schema.js'
import { responsesRules, type ResponsesRequest } from './responses-request.js'
import { toMessages } from './to-messages.js'
import { chooseTools, toTools } from './to-tools.js'

/** @throws GatewayError invalid_type, invalid_value, missing_required_parameter, unsupported_parameter */
export function parseResponsesRequest (source: RequestBody): ResponsesRequest {
  const body = parseOrThrow(responsesRequestSchema, source.value)
  const isEmpty = [body.input, body.instructions, body.previous_response_id].every(field => field === null || field === undefined)
  if (isEmpty) throw new GatewayError('missing_required_parameter', "Missing required parameter: 'input'.", { parameter: 'input' })
  const input = toMessages(body.input)
  const offered = toTools(body.tools, source)
  const answerForm = toAnswerForm(body, source)
  const effort = body.reasoning?.effort ?? null
  const includes = new Set(body.include)
  return {
    model: body.model,
    conversation: {
      messages: [],
      ...chooseTools(body.tool_choice, offered.tools),
      allowsParallelToolCalls: true,
      responseFormat: responseFormatOf(answerForm)
    },
    answerForm,
    thinking: { isOn: effort === null ? null : effort !== 'none', effort: effort === 'none' ? null : effort },
    sampling: samplingOf({ temperature: body.temperature, top_p: body.top_p }, {
      maxTokens: body.max_output_tokens ?? null,
      logprobs: body.top_logprobs ?? (includes.has('message.output_text.logprobs') ? 0 : null)
    }),
    stopStrings: [],
    isStream: body.stream === true,
    ...costWishesOf(body),
    cacheUser: body.user ?? null,
    rules: responsesRules,
    input,
    instructions: body.instructions ?? null,
    previousResponseId: body.previous_response_id ?? null,
    isStored: body.store === true,
    customNames: offered.customNames,
    sealsReasoning: includes.has('reasoning.encrypted_content'),
    body
  }
}

/**
 * The request with its whole conversation: instructions (never those of an earlier response), what was said before, what is new.
 *
 * @throws GatewayError invalid_value
 */
export function continueFrom (request: ResponsesRequest, earlier: readonly Message[]): ResponsesRequest {
  const dialogue = [...earlier, ...request.input]
  requirePairs(dialogue)
  const messages: Message[] = request.instructions === null ? dialogue : [{ role: 'system', content: request.instructions }, ...dialogue]
  if (request.answerForm.kind === 'json' && !messages.some(message => /json/i.test(message.content))) {
    throw new GatewayError('invalid_value', "Response input messages must contain the word 'json' in some form to use 'text.format' of type 'json_object'.", { parameter: 'input' })
  }
  return { ...request, conversation: { ...request.conversation, messages } }
}

function toAnswerForm ({ text }: ResponsesBody, source: RequestBody): AnswerForm {
  const format = text?.format
  if (format === null || format === undefined || format.type === 'text') return { kind: 'text' }
  if (format.type === 'json_object') return { kind: 'json' }
  const schema = source.exact(['text', 'format', 'schema'])
  return schema instanceof Map ? { kind: 'schema', schema, isRequired: true } : { kind: 'text' }
}

/** Every call has its output, and every output its call, wherever in between other items stand. */
function requirePairs (messages: readonly Message[]): void {
  const open = new Set<string>()
  const known = new Set<string>()
  for (const message of messages) {
    if (message.role === 'assistant') {
      for (const { id } of message.toolCalls) {
        open.add(id)
        known.add(id)
      }
    } else if (message.role === 'tool') {
      if (!known.has(message.toolCallId)) throw new GatewayError('invalid_value', `No tool call found for function call output with call_id ${message.toolCallId.slice(0, 200)}.`, { parameter: 'input' })
      open.delete(message.toolCallId)
    }
  }
  const [first] = open
  if (first !== undefined) throw new GatewayError('invalid_value', `No tool output found for function call ${first.slice(0, 200)}.`, { parameter: 'input' })
}
