/**
 * Picks Pro or Flash. Pure: same inputs, same answer, no clock and no I/O, so that the whole policy is one table in
 * test/policy/choose-tier.test.ts.
 *
 * The steps below are asked in order and the first that answers decides. Whoever names a tier (by model or header) gets it or is
 * refused elsewhere; everything else is a choice among the tiers that the key allows and that can hold the request.
 * Money comes late in the order, yet a step that nobody named a tier in may not choose Pro against it: otherwise a key
 * that is to be economical would still spend wherever effort or habit points.
 */
import type { Tier } from '../../workers/contract/job.js'
import type { Effort } from '../language/conversation.js'
import type { KeyRules } from '../stores/key-record.js'
import type { EffortChoice } from './choose-effort.js'
import { unitOf } from './unit-of.js'

export type MoneyReason = 'cost-ceiling' | 'budget-share' | 'peak-hours'
export type TierReason =
  | 'pinned-by-model' | 'asked-by-header' | 'only-allowed-tier' | 'conversation' | 'asked-for-effort' | 'size-class'
  | MoneyReason | 'trial' | 'cascade-holdout' | 'cascade' | 'default'

export interface TierPolicy {
  defaultTier: Tier
  /** Share of the requests asking for an effort that goes to pro. */
  proShareByEffort: Readonly<Record<Effort, number>>
  trial: Readonly<{ tier: Tier, share: number }>
  cascade: Readonly<{ isAllowed: boolean, holdoutShare: number }>
}

export interface TierInputs {
  requestId: string
  /** Tier the model's name pins; null for `auto`. */
  modelTier: Tier | null
  headerTier: Tier | null
  effort: EffortChoice
  /** Tier that answered the turn before; null for a new conversation. */
  conversationTier: Tier | null
  /** Whether the request and its answer have room on a tier. */
  fits: Readonly<Record<Tier, boolean>>
  money: MoneyInputs
  rules: Pick<KeyRules, 'allowedTiers' | 'defaultTier' | 'downgradeAtBudgetShare' | 'atPeak' | 'cascade'>
  policy: TierPolicy
}

export interface MoneyInputs {
  /** Expected cost on each tier. The prefix that the conversation's tier has cached is a hit there and lost on the other. */
  nanoUsd: Readonly<Record<Tier, number>>
  /** The lower of the key's and the caller's; null = none. */
  ceilingNanoUsd: number | null
  /** Of the tightest budget; null = none, or unknown. */
  budgetShare: number | null
  isPeak: boolean
}

export interface TierChoice {
  tier: Tier
  reason: TierReason
}

/** What one step said, for `gearbox explain`. */
export interface ConsideredStep {
  step: string
  choice: TierChoice | null
  why: string
}

interface Verdict {
  choice: TierChoice | null
  why: string
}

const steps: ReadonlyArray<[name: string, ask: (inputs: TierInputs) => Verdict]> = [
  ['model', ({ modelTier }) => modelTier === null ? pass('the model leaves it open') : take(modelTier, 'pinned-by-model')],
  ['header', ({ headerTier }) => headerTier === null ? pass('no tier header') : take(headerTier, 'asked-by-header')],
  ['allowed tiers', ({ rules: { allowedTiers } }) => {
    const [only, ...others] = new Set(allowedTiers)
    return only === undefined || others.length > 0 ? pass('the key allows both') : take(only, 'only-allowed-tier')
  }],
  ['conversation', conversationStep],
  ['effort', effortStep],
  ['size', ({ fits }) => fits.pro === fits.flash ? pass(fits.pro ? 'both tiers have room' : 'neither tier has room') : take(fits.pro ? 'pro' : 'flash', 'size-class')],
  ['cost', inputs => {
    const objection = objectionToPro(inputs)
    return objection === null ? pass('nothing speaks against pro') : take('flash', objection)
  }],
  ['trial', ({ requestId, policy: { trial } }) => unitOf(requestId, 'trial') < trial.share ? take(trial.tier, 'trial') : pass(`not of the ${percent(trial.share)} on trial`)],
  ['cascade', cascadeStep],
  ['default', ({ rules, policy }) => take(rules.defaultTier ?? policy.defaultTier, 'default')]
]

export function chooseTier (inputs: TierInputs): TierChoice {
  return considerTier(inputs).choice
}

/** The choice, and every step up to the one that made it. */
export function considerTier (inputs: TierInputs): { choice: TierChoice, steps: ConsideredStep[] } {
  const considered: ConsideredStep[] = []
  for (const [step, ask] of steps) {
    const verdict = ask(inputs)
    considered.push({ step, ...verdict })
    if (verdict.choice !== null) return { choice: verdict.choice, steps: considered }
  }
  throw new RangeError('the last step always answers')
}

/** Its prefix is cached where it was: leaving is worth it only when the other tier is cheaper although it has to read everything again. */
function conversationStep (inputs: TierInputs): Verdict {
  const { conversationTier: tier, fits, money } = inputs
  if (tier === null) return pass('a new conversation')
  if (!fits[tier]) return pass(`it was on ${tier}, which has no room for it any more`)
  const objection = tier === 'pro' ? objectionToPro(inputs) : null
  if (objection === null) return take(tier, 'conversation')
  if (objection !== 'cost-ceiling' && money.nanoUsd.flash >= money.nanoUsd.pro) {
    return { choice: { tier, reason: 'conversation' }, why: `${objection} speaks against pro, but reading the lost prefix again on flash would cost no less` }
  }
  return pass(`it was on pro, and ${objection} speaks against it`)
}

function effortStep (inputs: TierInputs): Verdict {
  const { effort: { effort, reason }, policy, requestId, fits } = inputs
  if (reason !== 'asked-by-body' && reason !== 'asked-by-header') return pass('nobody asked for an effort')
  const share = policy.proShareByEffort[effort]
  if (unitOf(requestId, 'effort') >= share) return pass(`not of the ${percent(share)} of effort ${effort} that goes to pro`)
  if (!fits.pro) return pass('pro has no room for it')
  const objection = objectionToPro(inputs)
  return objection === null ? take('pro', 'asked-for-effort') : pass(`effort ${effort} calls for pro, and ${objection} speaks against it`)
}

function cascadeStep ({ requestId, rules, policy: { cascade }, money: { nanoUsd, ceilingNanoUsd } }: TierInputs): Verdict {
  if (!(rules.cascade ?? cascade.isAllowed)) return pass('not allowed')
  if (ceilingNanoUsd !== null && nanoUsd.flash + nanoUsd.pro > ceilingNanoUsd) return pass('both attempts together would pass the ceiling')
  const drawn = unitOf(requestId, 'holdout')
  if (drawn < cascade.holdoutShare) return take(drawn < cascade.holdoutShare / 2 ? 'flash' : 'pro', 'cascade-holdout')
  return take('flash', 'cascade')
}

function objectionToPro ({ money: { nanoUsd, ceilingNanoUsd, budgetShare, isPeak }, rules }: TierInputs): MoneyReason | null {
  if (ceilingNanoUsd !== null && nanoUsd.pro > ceilingNanoUsd) return 'cost-ceiling'
  if (rules.downgradeAtBudgetShare !== null && budgetShare !== null && budgetShare >= rules.downgradeAtBudgetShare) return 'budget-share'
  return isPeak && rules.atPeak === 'flash' ? 'peak-hours' : null
}

function take (tier: Tier, reason: TierReason): Verdict {
  return { choice: { tier, reason }, why: reason }
}

function pass (why: string): Verdict {
  return { choice: null, why }
}

function percent (share: number): string {
  return `${Number((share * 100).toPrecision(4))} %`
}
