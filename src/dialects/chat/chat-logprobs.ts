import type { AnswerLogprobs, LabelledToken } from '../answer.js'

export interface ChatLogprobs {
  content: LabelledToken[] | null
  reasoning_content: LabelledToken[] | null
  refusal: null
}

/** DeepSeek's shape plus the `refusal` that OpenAI's types require; null when there is nothing to report. */
export function chatLogprobs (logprobs: AnswerLogprobs | null): ChatLogprobs | null {
  if (logprobs === null || (logprobs.content.length === 0 && logprobs.reasoning.length === 0)) return null
  return { content: orNull(logprobs.content), reasoning_content: orNull(logprobs.reasoning), refusal: null }
}

function orNull (tokens: LabelledToken[]): LabelledToken[] | null {
  return tokens.length === 0 ? null : tokens
}
