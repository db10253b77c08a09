/**
 * What one request takes from the counters of its key and its organisation, and what a refusal means. Pure.
 *
 * Rates are token buckets (60 s); concurrency and money are tallies. Buckets take the expected figures and are
 * corrected at settlement. Budgets take more care, for a bill cannot be taken back: a request is admitted when
 * its *expected* cost fits beside the *worst* cost of everything in flight, and then holds its own worst cost. So with
 * any number of clients and gateways a budget is passed by at most one request's reserve error (worst − expected).
 */
import { GatewayError } from '../errors.js'
import type { Charge, Take, TakeState } from '../stores/account-store.js'
import type { Limits } from '../stores/key-record.js'
import type { Tier } from '../../workers/contract/job.js'
import type { Account } from './keys.js'
import { formatUsd } from './money.js'
import { dayOf, monthOf } from './utc-period.js'

export type LimitName =
  | 'requests-per-minute' | 'input-tokens-per-minute' | 'output-tokens-per-minute'
  | 'concurrency' | 'usd-per-day' | 'usd-per-month'

export interface Estimate {
  inputTokens: number
  /** What requests like this one usually write. */
  expectedOutputTokens: number
  expectedNanoUsd: number
  /** Nothing cached, every token written. */
  worstNanoUsd: number
}

export interface RealUse {
  inputTokens: number
  outputTokens: number
  nanoUsd: number
}

export interface PlannedTake extends Take {
  name: LimitName
  scope: 'key' | 'org'
  scopeId: string
  /** When a calendar limit starts anew. */
  periodEndMs: number | null
}

/** A tally is kept this long after its period, for reports and checks. */
export const keepTallyMs = 62 * 24 * 3600_000
const concurrencyRetryMs = 1000

/** `period` is a day's or a month's label: all counters of a month begin with `usd:2026-11`. */
export function budgetCounter (period: string, scope: 'key' | 'org', scopeId: string): string {
  return `usd:${period}:${scope}:${scopeId}`
}

/**
 * All takes of one request, key first.
 *
 * @throws GatewayError request_exceeds_limit when no amount of waiting would help
 */
export function planTakes (account: Account, tier: Tier, estimate: Estimate, admittedAtMs: number): PlannedTake[] {
  return [
    ...takesOf('key', account.key.id, account.key.limits, tier, estimate, admittedAtMs),
    ...takesOf('org', account.org.id, account.org.limits, tier, estimate, admittedAtMs)
  ]
}

function takesOf (scope: 'key' | 'org', scopeId: string, limits: Limits, tier: Tier, estimate: Estimate, atMs: number): PlannedTake[] {
  const owner = { scope, scopeId }
  const bucket = (name: LimitName, limit: number | null, units: number): PlannedTake[] => limit === null
    ? []
    : [{ ...owner, name, kind: 'bucket', counter: `${name}:${scope}:${scopeId}`, limit, need: units, hold: units, expiresAtMs: null, periodEndMs: null }]
  const budget = (name: LimitName, limit: number | null, period: { label: string, endMs: number }): PlannedTake => ({
    ...owner,
    name,
    kind: 'tally',
    counter: budgetCounter(period.label, scope, scopeId),
    limit,
    need: estimate.expectedNanoUsd,
    hold: estimate.worstNanoUsd,
    expiresAtMs: period.endMs + keepTallyMs,
    periodEndMs: period.endMs
  })
  const inputLimit = limits.inputTokensPerMinute
  if (inputLimit !== null && estimate.inputTokens > inputLimit) {
    throw new GatewayError('request_exceeds_limit', `Request too large for the input tokens per minute of this ${scopeWord(scope)}: limit ${inputLimit}, requested ${estimate.inputTokens}.`)
  }
  const outputLimit = limits.outputTokensPerMinute
  const concurrent = limits.concurrency[tier]
  return [
    ...bucket('requests-per-minute', limits.requestsPerMinute, 1),
    ...bucket('input-tokens-per-minute', inputLimit, estimate.inputTokens),
    // An expectation above the whole bucket is only a guess: it may wait for a full bucket, not for ever.
    ...bucket('output-tokens-per-minute', outputLimit, Math.min(estimate.expectedOutputTokens, outputLimit ?? Infinity)),
    ...(concurrent === null
      ? []
      : [{ ...owner, name: 'concurrency' as const, kind: 'tally' as const, counter: `concurrency:${tier}:${scope}:${scopeId}`, limit: concurrent, need: 1, hold: 1, expiresAtMs: null, periodEndMs: null }]),
    // Counted without a limit too, so that a budget set in mid-month knows what was spent.
    budget('usd-per-day', limits.nanoUsdPerDay, dayOf(atMs)),
    budget('usd-per-month', limits.nanoUsdPerMonth, monthOf(atMs))
  ]
}

/** What the takes turn into when the work is done. `isHeld` false: the store never granted them. */
export function chargesFor (takes: PlannedTake[], real: RealUse, { isHeld }: { isHeld: boolean }): Charge[] {
  const realOf: Record<LimitName, number> = {
    'requests-per-minute': 1,
    'input-tokens-per-minute': real.inputTokens,
    'output-tokens-per-minute': real.outputTokens,
    concurrency: 0,
    'usd-per-day': real.nanoUsd,
    'usd-per-month': real.nanoUsd
  }
  return takes.map(({ kind, counter, limit, hold, expiresAtMs, name }) =>
    ({ kind, counter, limit, hold: isHeld ? hold : 0, real: realOf[name], expiresAtMs }))
}

export interface RateFigure {
  limit: number
  remaining: number
  resetMs: number
}

/** For response headers: for each rate, the tighter of key and organisation. */
export interface RateFigures {
  requests: RateFigure | null
  inputTokens: RateFigure | null
  outputTokens: RateFigure | null
}

export function rateFigures (takes: PlannedTake[], states: TakeState[]): RateFigures {
  const tightest = (name: LimitName): RateFigure | null => takes.reduce<RateFigure | null>((best, take, index) => {
    const state = states[index]
    if (take.name !== name || take.limit === null || state?.remaining === null || state === undefined) return best
    const figure = { limit: take.limit, remaining: state.remaining, resetMs: state.resetMs ?? 0 }
    return best === null || figure.remaining < best.remaining ? figure : best
  }, null)
  return {
    requests: tightest('requests-per-minute'),
    inputTokens: tightest('input-tokens-per-minute'),
    outputTokens: tightest('output-tokens-per-minute')
  }
}

/** A refusal that knows which limit said no. */
export class LimitError extends GatewayError {
  readonly limit: LimitName
  readonly scope: 'key' | 'org'
  readonly rates: RateFigures

  constructor (take: PlannedTake, rates: RateFigures, message: string, retryAfterMs: number | null) {
    super(isMoney(take) ? 'insufficient_quota' : 'rate_limit_exceeded', message, retryAfterMs === null ? {} : { retryAfterMs })
    this.limit = take.name
    this.scope = take.scope
    this.rates = rates
  }
}

/** The limit that keeps the request out longest: money before rates, for after a wait it would still refuse. */
export function refusal (takes: PlannedTake[], states: TakeState[], admittedAtMs: number): LimitError {
  const refused = takes.flatMap((take, index) => states[index]?.fits === false ? [{ take, state: states[index] }] : [])
  const ranked = refused.map(({ take, state }) => ({
    take,
    state,
    waitMs: take.periodEndMs !== null ? take.periodEndMs - admittedAtMs : state?.waitMs ?? concurrencyRetryMs
  })).sort((a, b) => Number(isMoney(b.take)) - Number(isMoney(a.take)) || b.waitMs - a.waitMs)
  const [first] = ranked
  if (first === undefined) throw new RangeError('a refusal without a limit that refuses')
  const { take, state, waitMs } = first
  const owner = scopeWord(take.scope)
  const limit = take.limit ?? 0
  const message = take.periodEndMs !== null
    ? `The budget of this ${owner} is used up: ${take.name} is $${formatUsd(limit)}, $${formatUsd(state?.remaining ?? 0)} is free, and this request needs about $${formatUsd(take.need)}. It starts anew at ${new Date(take.periodEndMs).toISOString()}.`
    : take.name === 'concurrency'
      ? `Too many requests at work for this ${owner}: concurrency is limited to ${limit}.`
      : `Rate limit of this ${owner} reached: ${take.name} is ${limit}, ${state?.remaining ?? 0} left, this request needs ${take.need}. Try again in ${Math.ceil(waitMs / 100) / 10} s.`
  return new LimitError(take, rateFigures(takes, states), message, isMoney(take) ? null : waitMs)
}

export type LimitKind = 'money' | 'tokens' | 'requests' | 'concurrency'

/** Kinds of limit that this request is really held to: what "fail closed" can refer to. */
export function limitKinds (takes: PlannedTake[]): Set<LimitKind> {
  const kinds: Record<LimitName, LimitKind> = {
    'requests-per-minute': 'requests',
    'input-tokens-per-minute': 'tokens',
    'output-tokens-per-minute': 'tokens',
    concurrency: 'concurrency',
    'usd-per-day': 'money',
    'usd-per-month': 'money'
  }
  return new Set(takes.filter(take => take.limit !== null).map(take => kinds[take.name]))
}

function isMoney (take: PlannedTake): boolean {
  return take.periodEndMs !== null
}

function scopeWord (scope: 'key' | 'org'): string {
  return scope === 'key' ? 'key' : 'organisation'
}
