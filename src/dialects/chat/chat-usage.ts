import type { AnswerUsage } from '../answer.js'
import { reportedCost } from '../cost-fields.js'

export interface ChatUsage {
  prompt_tokens: number
  completion_tokens: number
  total_tokens: number
  prompt_tokens_details: { cached_tokens: number }
  completion_tokens_details?: { reasoning_tokens: number }
  prompt_cache_hit_tokens: number
  prompt_cache_miss_tokens: number
  /** USD; only when asked for with `usage: {include: true}`, as OpenRouter has it. */
  cost?: number
}

/** Both cache spellings: OpenAI's details and DeepSeek's hit + miss = prompt. */
export function chatUsage (usage: AnswerUsage, isThinking: boolean): ChatUsage {
  return {
    prompt_tokens: usage.promptTokens,
    completion_tokens: usage.completionTokens,
    total_tokens: usage.promptTokens + usage.completionTokens,
    prompt_tokens_details: { cached_tokens: usage.cachedTokens },
    ...(isThinking ? { completion_tokens_details: { reasoning_tokens: usage.reasoningTokens } } : {}),
    prompt_cache_hit_tokens: usage.cachedTokens,
    prompt_cache_miss_tokens: usage.promptTokens - usage.cachedTokens,
    ...reportedCost(usage)
  }
}
