import type { AnswerUsage, FinishedPart } from '../answer.js'
import { reportedCost } from '../cost-fields.js'

/** Disjoint counts: input_tokens leaves out what was read from the cache, unlike everywhere else. */
export interface MessagesUsage {
  input_tokens: number
  cache_creation_input_tokens: 0
  cache_read_input_tokens: number
  output_tokens: number
  /** USD; only when asked for. */
  cost?: number
}

export function messagesUsage ({ promptTokens, cachedTokens, completionTokens, ...money }: Omit<AnswerUsage, 'reasoningTokens'>): MessagesUsage {
  return {
    input_tokens: promptTokens - cachedTokens,
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: cachedTokens,
    output_tokens: completionTokens,
    ...reportedCost(money)
  }
}

export type StopReason = 'end_turn' | 'max_tokens' | 'stop_sequence' | 'tool_use'

export function stopOf ({ finish, stopString }: FinishedPart): { stop_reason: StopReason, stop_sequence: string | null } {
  if (finish === 'length') return { stop_reason: 'max_tokens', stop_sequence: null }
  if (finish === 'tool_calls') return { stop_reason: 'tool_use', stop_sequence: null }
  return { stop_reason: stopString === null ? 'end_turn' : 'stop_sequence', stop_sequence: stopString }
}
