/** What every dialect understands of money, in the same words. */
import { z } from 'zod'
import type { AnswerRequest } from './answer-request.js'
import type { AnswerUsage } from './answer.js'

export const costFields = {
  /** As OpenRouter has it. `include` asks for usage in a stream too, and for its cost. */
  usage: z.looseObject({ include: z.boolean().nullish() }).nullish(),
  /** The most this request may be expected to cost, USD. */
  max_cost_usd: z.number().min(0, 'must be 0 or more').max(1_000_000, 'must be at most 1000000').nullish()
}
type CostFields = z.infer<z.ZodObject<typeof costFields>>

export type CostWishes = Pick<AnswerRequest, 'tellsCost' | 'maxNanoUsd'>

export function costWishesOf ({ usage, max_cost_usd: maxUsd }: CostFields): CostWishes {
  return {
    tellsCost: usage?.include === true,
    ...(typeof maxUsd === 'number' ? { maxNanoUsd: Math.round(maxUsd * 1e9) } : {})
  }
}

/** USD, for the usage of whoever asked. */
export function reportedCost ({ costNanoUsd }: Pick<AnswerUsage, 'costNanoUsd'>): { cost?: number } {
  return costNanoUsd === undefined ? {} : { cost: costNanoUsd / 1e9 }
}
