/** A completion request after validation. */
import type { DialectRules } from '../answer-request.js'
import type { CostWishes } from '../cost-fields.js'
import type { RequestedSampling } from '../requested-sampling.js'

export type CompletionPrompt =
  | { kind: 'text', text: string }
  /** Fill in the middle. */
  | { kind: 'gap', prefix: string, suffix: string }
  /** Goes to the model as it is, without a begin token of ours. */
  | { kind: 'ids', ids: number[] }

export interface CompletionRequest extends CostWishes {
  model: string
  prompts: CompletionPrompt[]
  /** Answers to each prompt; the choices of prompt p are numbered from p × this. */
  choicesPerPrompt: number
  /** Whether a choice begins with its prompt. */
  echoes: boolean
  sampling: RequestedSampling
  stopStrings: string[]
  isStream: boolean
  /** `stream_options.include_usage`. */
  includesUsage: boolean
  /** Whose prefix-cache entries this request may share; null = those of the key. */
  cacheUser: string | null
}

export const completionRules: DialectRules = {
  fields: { conversation: 'prompt', answerForm: 'response_format' },
  wantsReasoningBack: false,
  overlongCompletion: 'refuse'
}
