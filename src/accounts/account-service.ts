/**
 * Who may, what it costs, what was used: the face of accounts towards the request path.
 *
 *   authenticate(bearer) → account      admit({...}) → admission      settle(admission, {...}) → cost
 *
 * Between admit and settle the admission holds its share of every limit; it is renewed while this process lives and ends by
 * itself when it does not. A store that is away never becomes a 500: admission falls to the configured choice per
 * kind of limit, and settlements wait in a journal.
 */
import { randomUUID } from 'node:crypto'
import type { Tier } from '../../workers/contract/job.js'
import { setInterval, clearInterval, setTimeout, clearTimeout } from 'node:timers'
import { GatewayError } from '../errors.js'
import { StoreUnavailableError, type AccountStore, type ReserveResult, type SettleCommand } from '../stores/account-store.js'
import type { LedgerEntry } from '../stores/ledger-entry.js'
import type { Admission, AdmitRequest } from './admission.js'
import { abandonedEntry, attemptEntry, isBilled, type Admitted, type AttemptResult } from './attempt-entry.js'
import { KeyCache } from './key-cache.js'
import { hashOfBearer, isKeyGood, type Account } from './keys.js'
import { budgetCounter, chargesFor, limitKinds, planTakes, rateFigures, refusal, type Estimate, type LimitKind, type PlannedTake } from './limits.js'
import { listPrices } from './list-prices.js'
import { formatUsd } from './money.js'
import { OutputEstimate } from './output-estimate.js'
import { costOf, isPeak, pricesAt, type PriceBook } from './price-book.js'
import { SettlementJournal } from './settlement-journal.js'
import { dayOf, monthOf } from './utc-period.js'

export interface AccountServiceOptions {
  store: AccountStore
  /** Default: the list prices, as if no day were a holiday. */
  priceBook?: PriceBook
  /** What a limit does while the store is unreachable. Default: money closed, the others open. */
  whenUnavailable?: Partial<Record<LimitKind, 'open' | 'closed'>>
  /** File for settlements that the store could not take; null = memory only. */
  journalPath?: string | null
  /** Beyond this many of them nothing more is admitted. */
  mostUnsettled?: number
  /** A reservation whose gateway vanished ends after this long. */
  reservationTtlMs?: number
  /** How long `close` waits for what is being settled. */
  lastSettlementsMs?: number
  keyFreshMs?: number
  keyStaleMs?: number
  /** Hears of settlements that the store rejects (a defect) and of journal trouble. */
  onError?: (error: unknown) => void
}

export interface Settlement {
  /** Of the attempt that was settled. */
  costNanoUsd: number
  /** Of all attempts of the request: what the key was charged. */
  totalNanoUsd: number
  /** False: it waits in the journal. */
  isRecorded: boolean
}

interface OpenAdmission {
  takes: PlannedTake[]
  entries: LedgerEntry[]
  settlement: Promise<Settlement> | null
}

/** What a policy may want to know of money before it chooses a tier. */
export interface Quote {
  /** Expected cost on each tier, nano-dollars. */
  nanoUsd: Record<Tier, number>
  isPeak: boolean
}

const reconcileEveryMs = 1000
const mostDoubtful = 10_000

export class AccountService {
  readonly #store: AccountStore
  readonly #priceBook: PriceBook
  readonly #whenUnavailable: Record<LimitKind, 'open' | 'closed'>
  readonly #journal: SettlementJournal
  readonly #mostUnsettled: number
  readonly #ttlMs: number
  readonly #lastSettlementsMs: number
  readonly #keys: KeyCache
  readonly #onError: (error: unknown) => void
  readonly #outputs = new OutputEstimate()
  readonly #states = new WeakMap<Admission, OpenAdmission>()
  readonly #openIds = new Set<string>()
  /** Reservations refused because the store did not answer, but perhaps made: given back when it answers again. */
  readonly #doubtful = new Set<string>()
  readonly #timers: NodeJS.Timeout[]
  #onIdle: () => void = () => {}

  constructor (options: AccountServiceOptions) {
    this.#store = options.store
    this.#priceBook = options.priceBook ?? listPrices([])
    this.#whenUnavailable = { money: 'closed', tokens: 'open', requests: 'open', concurrency: 'open', ...options.whenUnavailable }
    this.#journal = new SettlementJournal(options.journalPath ?? null)
    this.#mostUnsettled = options.mostUnsettled ?? 10_000
    this.#ttlMs = options.reservationTtlMs ?? 60_000
    this.#lastSettlementsMs = options.lastSettlementsMs ?? 2000
    this.#keys = new KeyCache(options.store, { freshMs: options.keyFreshMs ?? 5000, staleMs: options.keyStaleMs ?? 300_000 })
    this.#onError = options.onError ?? (() => {})
    this.#timers = [
      setInterval(() => { this.#background(this.#keepReservations()) }, this.#ttlMs / 3),
      setInterval(() => { this.#background(this.reconcile()) }, reconcileEveryMs)
    ]
    for (const timer of this.#timers) timer.unref()
  }

  /**
   * null: no such key, or expired, or revoked.
   *
   * @throws GatewayError accounts_unavailable
   */
  async authenticate (bearer: string): Promise<Account | null> {
    const hash = hashOfBearer(bearer)
    if (hash === null) return null
    const account = await this.#keys.find(hash).catch((error: unknown) => { throw asGatewayError(error) })
    return account !== null && isKeyGood(account.key, hash, await this.#nowMs()) ? account : null
  }

  /**
   * Reserves what the request may use, on key and organisation, all or nothing.
   *
   * @throws LimitError (rate_limit_exceeded, insufficient_quota); GatewayError tier_not_allowed, cost_ceiling_exceeded,
   * request_exceeds_limit, accounts_unavailable
   */
  async admit (request: AdmitRequest): Promise<Admission> {
    const { account, requestId, tier, reason } = request
    if (!account.key.rules.allowedTiers.includes(tier)) throw new GatewayError('tier_not_allowed', `This key may not use the ${tier} tier.`)
    if (this.#journal.size >= this.#mostUnsettled) throw new GatewayError('accounts_unavailable', 'Too many settlements wait for the store of accounts.')

    const admittedAtMs = await this.#nowMs()
    const estimate = this.#estimate(request, admittedAtMs)
    const ceiling = Math.min(account.key.rules.ceilingNanoUsdPerRequest ?? Infinity, request.maxNanoUsd ?? Infinity)
    if (estimate.expectedNanoUsd > ceiling) {
      throw new GatewayError('cost_ceiling_exceeded', `This request is expected to cost $${formatUsd(estimate.expectedNanoUsd)}, above the ceiling of $${formatUsd(ceiling)}.`)
    }
    const takes = planTakes(account, tier, estimate, admittedAtMs)
    const admitted: Admitted = { id: randomUUID(), requestId, account, tier, reason, admittedAtMs }
    const result = await this.#reserve(admitted, takes)
    if (result !== null && !result.isReserved) throw refusal(takes, result.states, admittedAtMs)

    const isHeld = result !== null
    const admission: Admission = { ...admitted, estimate, isHeld, rates: rateFigures(takes, result?.states ?? []) }
    this.#states.set(admission, { takes, entries: [], settlement: null })
    this.#openIds.add(admission.id)
    return admission
  }

  /** An attempt that was not the last: written with the settlement. Returns its cost in nano-dollars. */
  recordAttempt (admission: Admission, result: AttemptResult): number {
    const state = this.#stateOf(admission)
    const entry = attemptEntry(admission, state.entries.length + 1, result, this.#priceBook, null)
    state.entries.push(entry)
    return entry.costNanoUsd
  }

  /**
   * The last attempt: real counts replace the reservation, once; a second call returns the first one's result. To be
   * awaited before the client sees the usage, so that no returned usage is missing from the ledger. Never throws for a store.
   */
  settle (admission: Admission, result: AttemptResult): Promise<Settlement> {
    const state = this.#stateOf(admission)
    state.settlement ??= this.#settle(admission, state, result).finally(() => { this.#end(admission.id) })
    return state.settlement
  }

  /** Nothing was tried and nothing is owed: as if the request had not come. After `settle` it does nothing. */
  async release (admission: Admission): Promise<void> {
    const state = this.#stateOf(admission)
    if (state.settlement !== null) return
    state.settlement = Promise.resolve({ costNanoUsd: 0, totalNanoUsd: 0, isRecorded: true })
    // Unreachable: the reservation runs out by itself.
    await this.#store.release(admission.id).catch((error: unknown) => { this.#report(error) })
    this.#end(admission.id)
  }

  /** By the store's clock. `cachedTokens`: what each tier's prefix cache will probably spare. */
  async quote (account: Account, { promptTokens, maxOutputTokens, cachedTokens }: { promptTokens: number, maxOutputTokens: number, cachedTokens: Record<Tier, number> }): Promise<Quote> {
    const atMs = await this.#nowMs()
    const on = (tier: Tier): number => costOf(pricesAt(this.#priceBook, tier, atMs), {
      promptTokens,
      cachedTokens: cachedTokens[tier],
      completionTokens: this.#outputs.expect(account.key.id, tier, maxOutputTokens)
    })
    return { nanoUsd: { flash: on('flash'), pro: on('pro') }, isPeak: isPeak(this.#priceBook, atMs) }
  }

  /** Spent and reserved, as a share of the tightest budget of key and organisation; null without a budget or a store. */
  async budgetShare (account: Account): Promise<number | null> {
    const budgets = await this.#budgets(account)
    return budgets === null ? null : Math.max(...budgets.map(({ limit, used }) => limit === 0 ? 1 : used / limit))
  }

  /** Nano-dollars left of the tightest budget of key and organisation, never below 0; null without a budget or a store. */
  async budgetLeft (account: Account): Promise<number | null> {
    const budgets = await this.#budgets(account)
    return budgets === null ? null : Math.max(0, Math.min(...budgets.map(({ limit, used }) => limit - used)))
  }

  async #budgets (account: Account): Promise<Array<{ limit: number, used: number }> | null> {
    const nowMs = await this.#nowMs()
    const budgets = ([['key', account.key], ['org', account.org]] as const).flatMap(([scope, { id, limits }]) => [
      { counter: budgetCounter(dayOf(nowMs).label, scope, id), limit: limits.nanoUsdPerDay },
      { counter: budgetCounter(monthOf(nowMs).label, scope, id), limit: limits.nanoUsdPerMonth }
    ].flatMap(({ counter, limit }) => limit === null ? [] : [{ counter, limit }]))
    if (budgets.length === 0) return null
    try {
      const tallies = await this.#store.readTallies(budgets.map(budget => budget.counter))
      return budgets.map(({ limit }, index) => ({ limit, used: Number((tallies[index]?.spent ?? 0n) + (tallies[index]?.held ?? 0n)) }))
    } catch (error) {
      if (error instanceof StoreUnavailableError) return null
      throw error
    }
  }

  get unsettled (): number {
    return this.#journal.size
  }

  /** After the store was away: hands over what waited for it. Happens by itself every second. */
  async reconcile (): Promise<void> {
    for (const failure of await this.#journal.drain(this.#store)) this.#onError(failure)
    try {
      for (const reservationId of this.#doubtful) {
        await this.#store.release(reservationId)
        this.#doubtful.delete(reservationId)
      }
    } catch (error) {
      this.#report(error)
    }
  }

  /** Waits a moment for what is being settled; what is still open then runs out by itself. Leaves the store open: its owner closes it. */
  async close (): Promise<void> {
    if (this.#openIds.size > 0) {
      await new Promise<void>(resolve => {
        const timer = setTimeout(resolve, this.#lastSettlementsMs)
        this.#onIdle = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
    for (const timer of this.#timers) clearInterval(timer)
    await this.reconcile()
  }

  #estimate ({ account, tier, firstTier, promptTokens, maxOutputTokens, cachedTokensEstimate }: AdmitRequest, atMs: number): Estimate {
    const tiers = firstTier === undefined ? [tier] : [firstTier, tier]
    return tiers.map(each => {
      const prices = pricesAt(this.#priceBook, each, atMs)
      const expectedOutputTokens = this.#outputs.expect(account.key.id, each, maxOutputTokens)
      return {
        inputTokens: promptTokens,
        expectedOutputTokens,
        expectedNanoUsd: costOf(prices, { promptTokens, cachedTokens: each === tier ? cachedTokensEstimate : 0, completionTokens: expectedOutputTokens }),
        worstNanoUsd: costOf(prices, { promptTokens, cachedTokens: 0, completionTokens: maxOutputTokens })
      }
    }).reduce((sum, each) => ({
      inputTokens: sum.inputTokens + each.inputTokens,
      expectedOutputTokens: sum.expectedOutputTokens + each.expectedOutputTokens,
      expectedNanoUsd: sum.expectedNanoUsd + each.expectedNanoUsd,
      worstNanoUsd: sum.worstNanoUsd + each.worstNanoUsd
    }))
  }

  /** null: the store is away, and every limit at hand lets pass. */
  async #reserve (admitted: Admitted, takes: PlannedTake[]): Promise<ReserveResult | null> {
    try {
      return await this.#store.reserve({ reservationId: admitted.id, takes, ttlMs: this.#ttlMs, abandonedEntry: abandonedEntry(admitted) })
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error
      const closed = [...limitKinds(takes)].filter(kind => this.#whenUnavailable[kind] === 'closed')
      if (closed.length === 0) return null
      // Beyond that many they run out by themselves.
      if (this.#doubtful.size < mostDoubtful) this.#doubtful.add(admitted.id)
      throw new GatewayError('accounts_unavailable', `The limits of this key cannot be checked now (${closed.join(', ')}).`, { retryAfterMs: 1000, cause: error })
    }
  }

  async #settle (admission: Admission, state: OpenAdmission, result: AttemptResult): Promise<Settlement> {
    const settledAtMs = await this.#nowMs()
    const last = attemptEntry(admission, state.entries.length + 1, result, this.#priceBook, settledAtMs)
    const entries = [...state.entries.map(entry => ({ ...entry, settledAtMs })), last]
    const billed = entries.filter(entry => isBilled(entry.outcome))
    const sum = (figure: (entry: LedgerEntry) => number): number => billed.reduce((total, entry) => total + figure(entry), 0)
    const totalNanoUsd = sum(entry => entry.costNanoUsd)
    if (result.outcome === 'completed') this.#outputs.learn(admission.account.key.id, last.tier, last.completionTokens)
    const isRecorded = await this.#record({
      reservationId: admission.id,
      charges: chargesFor(state.takes, { inputTokens: sum(entry => entry.promptTokens), outputTokens: sum(entry => entry.completionTokens), nanoUsd: totalNanoUsd }, admission),
      entries
    })
    return { costNanoUsd: last.costNanoUsd, totalNanoUsd, isRecorded }
  }

  async #record (command: SettleCommand): Promise<boolean> {
    try {
      await this.#store.settle(command)
      return true
    } catch (error) {
      this.#report(error)
    }
    try {
      this.#journal.add(command)
    } catch (error) {
      this.#onError(error)
    }
    return false
  }

  #end (admissionId: string): void {
    this.#openIds.delete(admissionId)
    if (this.#openIds.size === 0) this.#onIdle()
  }

  #stateOf (admission: Admission): OpenAdmission {
    const state = this.#states.get(admission)
    if (state === undefined) throw new TypeError('not an admission of this service')
    return state
  }

  async #nowMs (): Promise<number> {
    return this.#store.nowMs().catch((error: unknown) => {
      if (error instanceof StoreUnavailableError) return Date.now()
      throw error
    })
  }

  async #keepReservations (): Promise<void> {
    if (this.#openIds.size > 0) await this.#store.renew([...this.#openIds], this.#ttlMs)
    await this.#store.abandonExpired()
  }

  #background (work: Promise<void>): void {
    work.catch((error: unknown) => { this.#report(error) })
  }

  /** An absent store is not news each time it is met; whoever watches asks `unsettled`. */
  #report (error: unknown): void {
    if (!(error instanceof StoreUnavailableError)) this.#onError(error)
  }
}

function asGatewayError (error: unknown): unknown {
  return error instanceof StoreUnavailableError
    ? new GatewayError('accounts_unavailable', 'Keys cannot be checked now.', { retryAfterMs: 1000, cause: error })
    : error
}
