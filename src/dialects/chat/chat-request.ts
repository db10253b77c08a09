/** A chat request after validation: the conversation, and what the caller wants of the answer. */
import type { Conversation } from '../../language/conversation.js'
import type { ThinkingRequest } from '../../policy/effort-word.js'
import type { RequestedSampling } from '../requested-sampling.js'
import type { AnswerForm } from './to-tools.js'

export interface ChatRequest {
  model: string
  conversation: Conversation
  answerForm: AnswerForm
  thinking: ThinkingRequest
  sampling: RequestedSampling
  stopStrings: string[]
  isStream: boolean
  /** `stream_options.include_usage`. */
  includesUsage: boolean
  showsReasoning: boolean
  /** Whose prefix-cache entries this request may share; null = those of the key. */
  cacheUser: string | null
}
