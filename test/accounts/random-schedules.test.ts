/** Whatever happens in whatever order: what the ledger says, what was returned and what the counters say are one sum. */
import fc from 'fast-check'
import t from 'tap'
import { AccountService } from '../../src/accounts/account-service.js'
import type { Admission, AdmitRequest } from '../../src/accounts/admission.js'
import type { Account } from '../../src/accounts/keys.js'
import { checkCounters, rebuildCounters } from '../../src/accounts/ledger.js'
import { LimitError } from '../../src/accounts/limits.js'
import type { AccountStore } from '../../src/stores/account-store.js'
import { RedisStore } from '../../src/stores/redis-store.js'
import { SqliteStore } from '../../src/stores/sqlite-store.js'
import { hasRedis, startRedis, withoutRedis } from '../stores/start-redis.js'
import { askFor, makeAccount, tokenPrices, used } from './test-accounts.js'

interface TravelClock {
  aheadMs: number
}
type OpenStore = (clock: TravelClock) => AccountStore

const budget = 200
const ttlMs = 60_000
const hourMs = 3600_000

const step = fc.oneof(
  { weight: 9, arbitrary: fc.record({ kind: fc.constant('admit' as const), promptTokens: fc.integer({ min: 1, max: 20 }), maxOutputTokens: fc.integer({ min: 600, max: 800 }), cachedTokensEstimate: fc.nat(200) }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('settle' as const), which: fc.nat(), share: fc.integer({ min: 0, max: 100 }).map(percent => percent / 100), outcome: fc.constantFrom('completed' as const, 'cancelled' as const, 'cut' as const, 'failed' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('release' as const), which: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('time-passes' as const), ms: fc.oneof(fc.integer({ min: 1, max: 2 * ttlMs }), fc.integer({ min: 1, max: 9 * hourMs })) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('rebuild' as const) }) }
)
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never

/** One run: the promises are looked at along the way and at the end. */
class Schedule {
  readonly #clock: TravelClock = { aheadMs: 0 }
  readonly #store: AccountStore
  readonly #service: AccountService
  /** Whether gateways that were thought dead settle after all. Then a budget is known only afterwards. */
  readonly #settlesLate: boolean
  #account: Account | null = null
  #open: Admission[] = []
  #returned = 0n
  #reserveError = 0

  constructor (open: OpenStore, { settlesLate }: { settlesLate: boolean }) {
    this.#store = open(this.#clock)
    this.#service = new AccountService({ store: this.#store, priceBook: tokenPrices, reservationTtlMs: ttlMs })
    this.#settlesLate = settlesLate
  }

  async run (steps: Step[]): Promise<void> {
    try {
      this.#account = await makeAccount(this.#store, { nanoUsdPerMonth: budget, requestsPerMinute: 1000, concurrency: { flash: 12 } })
      // Short answers first, so that what is expected lies far below the worst.
      for (let index = 0; index < 20; index++) {
        await this.#admit({ promptTokens: 1, maxOutputTokens: 1 })
        await this.#settle({ kind: 'settle', which: 0, share: 1, outcome: 'completed' })
      }
      for (const action of steps) {
        await this.#take(action)
        await this.#checkTallies()
        if (action.kind === 'time-passes' || action.kind === 'rebuild') await this.#checkSums()
      }
      await this.#pass(ttlMs + 1)
      await this.#checkSums()
      for (const [counter, { held }] of await this.#store.listTallies('')) {
        if (held !== 0n) throw new Error(`${counter} still holds ${held}`)
      }
    } finally {
      await this.#service.close()
      await this.#store.close()
    }
  }

  async #take (action: Step): Promise<void> {
    switch (action.kind) {
      case 'admit': return this.#admit(action)
      case 'settle': return this.#settle(action)
      case 'release': {
        const admission = this.#pick(action.which)
        return admission === undefined ? undefined : this.#service.release(admission)
      }
      case 'time-passes': return this.#pass(action.ms)
      case 'rebuild': return rebuildCounters(this.#store, await this.#store.nowMs())
    }
  }

  async #admit (fields: Partial<AdmitRequest>): Promise<void> {
    if (this.#account === null) throw new Error('no account')
    try {
      const admission = await this.#service.admit(askFor(this.#account, fields))
      this.#reserveError = Math.max(this.#reserveError, admission.estimate.worstNanoUsd - admission.estimate.expectedNanoUsd)
      this.#open.push(admission)
    } catch (error) {
      if (!(error instanceof LimitError)) throw error
    }
  }

  async #settle ({ which, share, outcome }: Extract<Step, { kind: 'settle' }>): Promise<void> {
    const admission = this.#pick(which)
    if (admission === undefined) return
    // One nano-dollar per token: the worst case is the prompt and the longest answer.
    const written = Math.floor((admission.estimate.worstNanoUsd - admission.estimate.inputTokens) * share)
    const result = { ...used(admission.estimate.inputTokens, written), outcome }
    const [settlement] = await Promise.all([this.#service.settle(admission, result), this.#service.settle(admission, result)])
    this.#returned += BigInt(settlement.totalNanoUsd)
  }

  /** No timer runs on this clock, so what is open goes unrenewed: its gateway is as good as dead. */
  async #pass (ms: number): Promise<void> {
    this.#clock.aheadMs += ms
    if (!this.#settlesLate) {
      this.#open = []
      this.#clock.aheadMs += ttlMs
    }
    await this.#store.abandonExpired()
  }

  #pick (which: number): Admission | undefined {
    return this.#open.splice(which % Math.max(1, this.#open.length), 1)[0]
  }

  async #checkSums (): Promise<void> {
    const differences = await checkCounters(this.#store, await this.#store.nowMs())
    if (differences.length > 0) throw new Error(differences.map(({ counter, counted, ledger }) => `${counter}: ${counted}, ledger ${ledger}`).join())
    let ledger = 0n
    for await (const entry of this.#store.readLedger({ fromMs: 0, toMs: Number.MAX_SAFE_INTEGER })) ledger += BigInt(entry.costNanoUsd)
    if (ledger !== this.#returned) throw new Error(`the ledger says ${ledger}, returned was ${this.#returned}`)
  }

  async #checkTallies (): Promise<void> {
    for (const [counter, { spent, held }] of await this.#store.listTallies('usd:')) {
      if (held < 0n) throw new Error(`${counter} holds ${held}`)
      const isBudget = /^usd:\d{4}-\d{2}:key/.test(counter)
      if (isBudget && !this.#settlesLate && Number(spent + held) > budget + this.#reserveError) {
        throw new Error(`${counter}: ${spent} + ${held} is above ${budget} + ${this.#reserveError}`)
      }
    }
  }
}

async function properties (open: OpenStore, numRuns: number): Promise<void> {
  const steps = fc.array(step, { minLength: 10, maxLength: 30, size: 'max' })
  await fc.assert(fc.asyncProperty(steps, schedule => new Schedule(open, { settlesLate: false }).run(schedule)), { numRuns })
  await fc.assert(fc.asyncProperty(steps, schedule => new Schedule(open, { settlesLate: true }).run(schedule)), { numRuns })
}

t.setTimeout(120_000)

await t.test('SQLite', async t => {
  // Late enough in a month that schedules run over its end now and then.
  const start = Date.parse('2026-11-29T20:00:00Z')
  await properties(clock => new SqliteStore({ path: ':memory:', clock: () => start + clock.aheadMs }), 20)
  t.pass('40 schedules')
})

if (hasRedis()) {
  await t.test('Redis', async t => {
    const redis = await startRedis()
    t.teardown(() => redis.stop())
    let opened = 0
    await properties(clock => new RedisStore({ url: redis.url, prefix: `schedule-${opened++}`, commandTimeoutMs: 5000, clockOffsetMs: () => clock.aheadMs }), 3)
    t.pass('6 schedules')
  })
} else {
  t.comment(withoutRedis)
}
