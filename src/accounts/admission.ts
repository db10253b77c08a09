/** What the request path asks for before work, and what it is given. */
import type { Tier } from '../../workers/contract/job.js'
import type { Account } from './keys.js'
import type { Estimate, RateFigures } from './limits.js'

export interface AdmitRequest {
  account: Account
  requestId: string
  tier: Tier
  /** The policy's reason word for the tier. */
  reason: string
  /** A tier that may work on the same request before it (a cascade's first): its use is reserved too. */
  firstTier?: Tier
  /** Exact: the prompt is tokenised by now. */
  promptTokens: number
  /** The most that the worker is told to write. */
  maxOutputTokens: number
  /** Prompt tokens that the prefix cache will probably spare; 0 when unknown. */
  cachedTokensEstimate: number
  /** What the caller is ready to pay for this request; undefined = no matter. */
  maxNanoUsd?: number
}

export interface Admission {
  readonly id: string
  readonly requestId: string
  readonly account: Account
  readonly tier: Tier
  readonly reason: string
  /** By the store's clock. Fixes the price, the day and the month. */
  readonly admittedAtMs: number
  readonly estimate: Estimate
  /** For openAiRateHeaders and anthropicRateHeaders. */
  readonly rates: RateFigures
  /** False: the store was away and the limits at hand are configured to let pass. */
  readonly isHeld: boolean
}
