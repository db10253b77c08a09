/** Where conversations were answered, known to all gateways of a store. Only a hint: losing it costs a prefix cache and nothing else. */
import { z } from 'zod'
import { tierSchema } from '../../workers/contract/job.js'

export const answeredOnSchema = z.object({
  tier: tierSchema,
  /** Prompt and answer of that turn. */
  tokens: z.int().min(0)
})
export type AnsweredOn = z.infer<typeof answeredOnSchema>

export interface TurnStore {
  /** The first of these hashes that is known. */
  findTurn (hashes: readonly string[]): Promise<AnsweredOn | null>
  /** Replaces what was known under the hash, and is forgotten after `ttlMs`. */
  rememberTurn (hash: string, answeredOn: AnsweredOn, ttlMs: number): Promise<void>
}
