/**
 * Reading the ledger: reports, exports, and the counters that must agree with it.
 *
 * Entries are written only together with their charges (AccountStore.settle), so the ledger's sum is the truth: if a
 * counter differs, the counter is wrong. Sums are bigint, exact at any size.
 */
import type { AccountStore, LedgerQuery } from '../stores/account-store.js'
import { ledgerEntrySchema, type LedgerEntry } from '../stores/ledger-entry.js'
import { budgetCounter, keepTallyMs } from './limits.js'
import { formatUsd } from './money.js'
import { dayOf, monthOf } from './utc-period.js'

export type UsageGroup = 'org' | 'key' | 'tier' | 'reason' | 'day'

export interface UsageRow {
  /** The values of the groups asked for. */
  group: Partial<Record<UsageGroup, string>>
  attempts: number
  promptTokens: bigint
  cachedTokens: bigint
  completionTokens: bigint
  costNanoUsd: bigint
}

export interface TimeRange {
  fromMs: number
  toMs: number
}

/** Sorted by group. No groups = one row with the total. */
export async function usageBy (store: AccountStore, range: TimeRange, groups: UsageGroup[]): Promise<UsageRow[]> {
  const rows = new Map<string, UsageRow>()
  for await (const entry of store.readLedger(range)) {
    const values: Record<UsageGroup, string> = { org: entry.orgId, key: entry.keyId, tier: entry.tier, reason: entry.reason, day: dayOf(entry.admittedAtMs).label }
    const group = Object.fromEntries(groups.map(name => [name, values[name]]))
    const name = JSON.stringify(group)
    const row = rows.get(name) ?? { group, attempts: 0, promptTokens: 0n, cachedTokens: 0n, completionTokens: 0n, costNanoUsd: 0n }
    row.attempts++
    row.promptTokens += BigInt(entry.promptTokens)
    row.cachedTokens += BigInt(entry.cachedTokens)
    row.completionTokens += BigInt(entry.completionTokens)
    row.costNanoUsd += BigInt(entry.costNanoUsd)
    rows.set(name, row)
  }
  return [...rows.entries()].sort(([a], [b]) => a < b ? -1 : 1).map(([, row]) => row)
}

/** One entry per line; amounts stay integer nano-dollars. */
export async function * exportJsonLines (store: AccountStore, query: LedgerQuery): AsyncGenerator<string, void, undefined> {
  for await (const entry of store.readLedger(query)) yield `${JSON.stringify(entry)}\n`
}

const columns = ledgerEntrySchema.keyof().options

/** RFC 4180 with a header line; times as ISO 8601, and a last column with the cost in USD. */
export async function * exportCsv (store: AccountStore, query: LedgerQuery): AsyncGenerator<string, void, undefined> {
  yield `${[...columns, 'costUsd'].join(',')}\r\n`
  for await (const entry of store.readLedger(query)) {
    yield `${[...columns.map(column => csvCell(cellOf(entry, column))), formatUsd(entry.costNanoUsd)].join(',')}\r\n`
  }
}

function cellOf (entry: LedgerEntry, column: keyof LedgerEntry): string {
  const value = entry[column]
  if (value === null || value === undefined) return ''
  return (column === 'admittedAtMs' || column === 'settledAtMs') ? new Date(value).toISOString() : String(value)
}

function csvCell (text: string): string {
  // A request id is the caller's text; spreadsheets run cells that begin like a formula.
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}

export interface CounterDifference {
  counter: string
  counted: bigint
  ledger: bigint
}

const mostAttempts = 20

/**
 * Budget counters of the month around `atMs` that differ from the ledger; none is the healthy answer. Works beside live
 * traffic: it looks again while entries arrive.
 */
export async function checkCounters (store: AccountStore, atMs: number): Promise<CounterDifference[]> {
  const sums = new LedgerSums(store, atMs)
  for (let attempt = 0; attempt < mostAttempts; attempt++) {
    await sums.advance()
    const tallies = await store.listTallies(sums.prefix)
    if (await store.ledgerVersion() !== sums.version) continue
    const counters = new Set([...tallies.keys(), ...sums.spent.keys()])
    return [...counters].sort().flatMap(counter => {
      const counted = tallies.get(counter)?.spent ?? 0n
      const ledger = sums.spent.get(counter) ?? 0n
      return counted === ledger ? [] : [{ counter, counted, ledger }]
    })
  }
  throw new Error('the ledger grew during every look; try again with less traffic')
}

/** Sets the month's budget counters to what the ledger says, and recounts what open reservations hold. */
export async function rebuildCounters (store: AccountStore, atMs: number): Promise<void> {
  const sums = new LedgerSums(store, atMs)
  const expiresAtMs = monthOf(atMs).endMs + keepTallyMs
  for (let attempt = 0; attempt < mostAttempts; attempt++) {
    await sums.advance()
    const budgets = new Set([...(await store.listTallies(sums.prefix)).keys(), ...sums.spent.keys()])
    const concurrency = (await store.listTallies('concurrency:')).keys()
    const isReplaced = await store.replaceSpent(sums.version, [
      ...[...budgets].map(counter => ({ counter, spent: sums.spent.get(counter) ?? 0n, expiresAtMs })),
      ...[...concurrency].map(counter => ({ counter, spent: 0n, expiresAtMs: null }))
    ])
    if (isReplaced) return
  }
  throw new Error('the ledger grew during every rebuild; try again with less traffic')
}

/** What each budget counter of one month should say, up to a version of the ledger. */
class LedgerSums {
  readonly spent = new Map<string, bigint>()
  readonly prefix: string
  version = ''
  readonly #store: AccountStore
  readonly #range: TimeRange

  constructor (store: AccountStore, atMs: number) {
    const { label, startMs, endMs } = monthOf(atMs)
    this.#store = store
    this.#range = { fromMs: startMs, toMs: endMs }
    this.prefix = `usd:${label}`
  }

  /** Reads only what was appended since the last time. */
  async advance (): Promise<void> {
    const untilVersion = await this.#store.ledgerVersion()
    if (untilVersion === this.version) return
    const since = this.version === '' ? {} : { sinceVersion: this.version }
    for await (const entry of this.#store.readLedger({ ...this.#range, ...since, untilVersion })) {
      const cost = BigInt(entry.costNanoUsd)
      for (const { label } of [dayOf(entry.admittedAtMs), monthOf(entry.admittedAtMs)]) {
        this.#add(budgetCounter(label, 'key', entry.keyId), cost)
        this.#add(budgetCounter(label, 'org', entry.orgId), cost)
      }
    }
    this.version = untilVersion
  }

  #add (counter: string, cost: bigint): void {
    this.spent.set(counter, (this.spent.get(counter) ?? 0n) + cost)
  }
}
