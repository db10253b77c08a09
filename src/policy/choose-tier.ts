/**
 * Picks Pro or Flash. Pure: same inputs, same answer, no clock and no I/O, so that the whole policy is one table in
 * test/policy/choose-tier.test.ts.
 *
 * Order matters, first match wins: a caller who names a model gets it; then the tier header; then an effort that somebody
 * asked for; then the default.
 */
import type { Tier } from '../../workers/contract/job.js'
import type { Effort } from '../language/conversation.js'
import type { EffortChoice } from './choose-effort.js'

export type TierReason = 'pinned-by-model' | 'asked-by-header' | 'asked-for-effort' | 'default'

export interface TierInputs {
  /** Tier the model's name pins; null for `auto`. */
  modelTier: Tier | null
  headerTier: Tier | null
  effort: EffortChoice
  /** Tier that each effort calls for; an effort without one leaves the default. */
  tierByEffort: Readonly<Partial<Record<Effort, Tier>>>
  defaultTier: Tier
}

export interface TierChoice {
  tier: Tier
  reason: TierReason
}

export function chooseTier (inputs: TierInputs): TierChoice {
  if (inputs.modelTier !== null) return { tier: inputs.modelTier, reason: 'pinned-by-model' }
  if (inputs.headerTier !== null) return { tier: inputs.headerTier, reason: 'asked-by-header' }
  const isAsked = inputs.effort.reason === 'asked-by-body' || inputs.effort.reason === 'asked-by-header'
  const called = isAsked ? inputs.tierByEffort[inputs.effort.effort] : undefined
  if (called !== undefined) return { tier: called, reason: 'asked-for-effort' }
  return { tier: inputs.defaultTier, reason: 'default' }
}
