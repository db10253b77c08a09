/** From a body of POST /v1/messages, or of its count_tokens, to what the gateway answers. Pure. */
import { GatewayError } from '../../errors.js'
import type { Message } from '../../language/conversation.js'
import type { ThinkingRequest } from '../../policy/effort-word.js'
import { mappedModel, type ModelMap } from '../../policy/mapped-model.js'
import type { AnswerForm } from '../answer-form.js'
import { responseFormatOf } from '../answer-form.js'
import type { AnswerRequest, DialectRules } from '../answer-request.js'
import { costWishesOf } from '../cost-fields.js'
import type { RequestBody } from '../request-body.js'
import { samplingOf } from '../sampling-fields.js'
import { firstUnansweredCall } from '../tool-results.js'
import { parseOrThrow } from '../validation-error.js'
import { countTokensRequestSchema, messagesRequestSchema, type CountTokensBody } from './request-schema.js'
import { toMessages } from './to-messages.js'
import { toToolChoice, toTools } from './to-tools.js'

/** Newer models of Anthropic's take a max_tokens beyond the context, and their clients send one. */
const messagesRules: DialectRules = {
  fields: { conversation: 'messages', answerForm: 'output_config.format' },
  wantsReasoningBack: false,
  overlongCompletion: 'clamp'
}

export interface MessagesSettings {
  models: ModelMap
  /** Whether a request that says nothing about thinking thinks, as on every other wire, or not, as on Anthropic's own. */
  thinksUnasked: boolean
}

export interface MessagesRequest extends AnswerRequest {
  /** False: thinking blocks come without their text. */
  showsReasoning: boolean
}

export type CountedRequest = Pick<AnswerRequest, 'model' | 'conversation' | 'answerForm' | 'thinking' | 'rules'>

/** @throws GatewayError invalid_type, invalid_value, missing_required_parameter, unsupported_parameter */
export function parseMessagesRequest (source: RequestBody, settings: MessagesSettings): MessagesRequest {
  const body = parseOrThrow(messagesRequestSchema, source.value)
  return {
    ...toCounted(body, source, settings),
    sampling: samplingOf({ temperature: body.temperature, top_p: body.top_p, top_k: body.top_k }, { maxTokens: body.max_tokens, logprobs: null }),
    stopStrings: body.stop_sequences ?? [],
    isStream: body.stream === true,
    ...costWishesOf(body),
    cacheUser: body.metadata?.user_id ?? null,
    showsReasoning: body.thinking?.display !== 'omitted'
  }
}

/** @throws GatewayError as parseMessagesRequest */
export function parseCountTokensRequest (source: RequestBody, settings: MessagesSettings): CountedRequest {
  return toCounted(parseOrThrow(countTokensRequestSchema, source.value), source, settings)
}

function toCounted (body: CountTokensBody, source: RequestBody, { models, thinksUnasked }: MessagesSettings): CountedRequest {
  const messages = toMessages(body, source)
  requireToolResults(messages)
  const tools = toTools(body.tools, source)
  const answerForm = toAnswerForm(source)
  return {
    model: mappedModel(body.model, models),
    conversation: { messages, tools, ...toToolChoice(body.tool_choice, tools), responseFormat: responseFormatOf(answerForm) },
    answerForm,
    thinking: requestedThinking(body, thinksUnasked),
    rules: messagesRules
  }
}

function requestedThinking ({ thinking, output_config: output }: CountTokensBody, thinksUnasked: boolean): ThinkingRequest {
  const type = thinking?.type
  const isOn = type === undefined ? (thinksUnasked ? null : false) : type !== 'disabled'
  return { isOn, effort: output?.effort ?? null }
}

/** DeepSeek takes the format and ignores it; here it is asked for, and enforced where the engine can. */
function toAnswerForm (source: RequestBody): AnswerForm {
  const schema = source.exact(['output_config', 'format', 'schema'])
  return schema instanceof Map ? { kind: 'schema', schema, isRequired: false } : { kind: 'text' }
}

function requireToolResults (messages: readonly Message[]): void {
  const unanswered = firstUnansweredCall(messages)
  if (unanswered === null) return
  throw new GatewayError('invalid_value', `messages: \`tool_use\` ids were found without \`tool_result\` blocks immediately after: ${unanswered.id.slice(0, 200)}. Each \`tool_use\` block must have a corresponding \`tool_result\` block in the next message.`, { parameter: 'messages' })
}
