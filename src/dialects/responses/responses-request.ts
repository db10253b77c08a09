/** A responses request after validation; its conversation is complete once what it continues is known. */
import type { Message } from '../../language/conversation.js'
import type { AnswerRequest, DialectRules } from '../answer-request.js'
import type { ResponsesBody } from './request-schema.js'

export interface ResponsesRequest extends AnswerRequest {
  /** What this request adds: its own input, without instructions. */
  input: Message[]
  instructions: string | null
  previousResponseId: string | null
  isStored: boolean
  /** Names of tools whose calls carry free text. */
  customNames: ReadonlySet<string>
  /** `include: reasoning.encrypted_content`. */
  sealsReasoning: boolean
  /** What the response repeats. */
  body: ResponsesBody
}

export const responsesRules: DialectRules = {
  fields: { conversation: 'input', answerForm: 'text.format' },
  wantsReasoningBack: false,
  overlongCompletion: 'refuse'
}
