/** What every dialect's request becomes: a conversation, and what the caller wants of the answer. */
import type { Conversation } from '../language/conversation.js'
import type { ThinkingRequest } from '../policy/effort-word.js'
import type { AnswerForm } from './answer-form.js'
import type { RequestedSampling } from './requested-sampling.js'

export interface AnswerRequest {
  model: string
  conversation: Conversation
  answerForm: AnswerForm
  thinking: ThinkingRequest
  sampling: RequestedSampling
  stopStrings: string[]
  /** How many alternative answers; absent = one. */
  choices?: number
  isStream: boolean
  /** Whether usage has to say what the answer cost; absent = no. */
  tellsCost?: boolean
  /** The most it may be expected to cost, nano-dollars; absent = the caller does not mind. */
  maxNanoUsd?: number
  /** Whose prefix-cache entries this request may share; null = those of the key. */
  cacheUser: string | null
  rules: DialectRules
}

/** Where the dialects differ in what the gateway checks after parsing. */
export interface DialectRules {
  /** What this wire calls a thing, for the error that names it. */
  fields: { conversation: string, answerForm: string }
  /** Whether history without its reasoning is refused when the settings are strict about it. */
  wantsReasoningBack: boolean
  /** A cap beyond what the context has left, when the settings do not say: refuse, or take what is left. */
  overlongCompletion: 'refuse' | 'clamp'
}
