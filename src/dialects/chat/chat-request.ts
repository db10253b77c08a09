/** A chat request after validation. */
import type { AnswerRequest, DialectRules } from '../answer-request.js'

export interface ChatRequest extends AnswerRequest {
  /** `stream_options.include_usage`. */
  includesUsage: boolean
  showsReasoning: boolean
}

export const chatRules: DialectRules = {
  fields: { conversation: 'messages', answerForm: 'response_format' },
  wantsReasoningBack: true,
  overlongCompletion: 'refuse'
}
