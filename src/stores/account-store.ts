/**
 * What the gateway remembers about money and keys: one interface, twins in SQLite (one gateway) and Redis (many).
 *
 * The store knows counters, not limits. Two kinds:
 * - bucket: refills continuously to `limit` units within 60 s. Kept as level × 60,000, so that `limit` is also the
 *   exact refill per millisecond and nothing is ever rounded. A level may be negative: a debt the next caller waits for.
 * - tally: `spent` (settled, equal to the ledger's sum) plus `held` (open reservations) must stay within `limit`.
 *   Concurrency is a tally that only holds.
 *
 * Every method may throw StoreUnavailableError. Commands are safe to repeat: they carry the id of their reservation.
 */
import type { KeyRecord, OrgRecord } from './key-record.js'
import type { LedgerEntry } from './ledger-entry.js'
import type { ResponseStore } from './response-store.js'
import type { TurnStore } from './turn-store.js'

export const bucketWindowMs = 60_000

export interface Take {
  kind: 'bucket' | 'tally'
  counter: string
  /** Bucket: units per 60 s, at least 1. Tally: the ceiling; null counts without ever refusing. */
  limit: number | null
  /** What must fit for the reservation to be granted. */
  need: number
  /** What is taken when it is granted; may differ from `need` (see limits.ts on budgets). */
  hold: number
  /** When a tally may be forgotten; null = never. */
  expiresAtMs: number | null
}

export interface TakeState {
  fits: boolean
  /** What is left after this command, never below 0; null without a limit. */
  remaining: number | null
  /** Bucket: until `need` fits. null when no clock can tell (tallies). */
  waitMs: number | null
  /** Bucket: until it is full again. */
  resetMs: number | null
}

export interface ReserveCommand {
  reservationId: string
  /** All are taken, or none. */
  takes: Take[]
  /** Without a renewal in this time the reservation is abandoned: tallies are credited, buckets refill by themselves. */
  ttlMs: number
  /** Written to the ledger if that happens. */
  abandonedEntry: LedgerEntry
}

export interface ReserveResult {
  isReserved: boolean
  /** One per take, in order. */
  states: TakeState[]
}

export interface Charge {
  kind: 'bucket' | 'tally'
  counter: string
  /** A bucket's capacity. */
  limit: number | null
  /** What was taken from a bucket, in case the reservation ran out meanwhile: buckets are not credited then. */
  hold: number
  real: number
  expiresAtMs: number | null
}

export interface SettleCommand {
  reservationId: string
  charges: Charge[]
  /** At least one; written together with the charges or not at all. */
  entries: LedgerEntry[]
}

export interface Tally {
  spent: bigint
  held: bigint
}

export interface LedgerQuery {
  /** By time of admission, from (inclusive) to (exclusive). */
  fromMs: number
  toMs: number
  /** Only entries appended after this version … */
  sinceVersion?: string
  /** … and not after this one. */
  untilVersion?: string
}

export interface SpentReplacement {
  counter: string
  spent: bigint
  expiresAtMs: number | null
}

export interface AccountStore extends TurnStore, ResponseStore {
  /** The store's clock: gateways whose own clocks differ agree on the day and on the price. */
  nowMs (): Promise<number>

  findKeyByHash (hash: string): Promise<{ key: KeyRecord, org: OrgRecord } | null>
  findKey (keyId: string): Promise<KeyRecord | null>
  listKeys (): Promise<KeyRecord[]>
  /** Writes a new key (version 1) or the next version of one; false when another writer was first. */
  saveKey (record: KeyRecord): Promise<boolean>
  findOrg (orgId: string): Promise<OrgRecord | null>
  /** As saveKey; 0 is the version of an organisation that is not stored. */
  saveOrg (record: OrgRecord): Promise<boolean>

  reserve (command: ReserveCommand): Promise<ReserveResult>
  /** Turns a reservation into spending. Works without one too (it ran out, or was never made). False: done before. */
  settle (command: SettleCommand): Promise<boolean>
  /** Gives everything back: no work was done. Nothing happens when the reservation is gone. */
  release (reservationId: string): Promise<void>
  renew (reservationIds: string[], ttlMs: number): Promise<void>
  /** Ends reservations that ran out; returns how many. `reserve` does some of this too. */
  abandonExpired (): Promise<number>

  /** Tallies whose counter begins with the prefix. */
  listTallies (prefix: string): Promise<Map<string, Tally>>
  readTallies (counters: string[]): Promise<Tally[]>

  /** Changes with every append. */
  ledgerVersion (): Promise<string>
  /** In the order they were appended. */
  readLedger (query: LedgerQuery): AsyncIterable<LedgerEntry>
  /** Sets `spent`, and recounts `held` from open reservations, unless the ledger has grown past `version`: then false. */
  replaceSpent (version: string, replacements: SpentReplacement[]): Promise<boolean>

  close (): Promise<void>
}

/** The store did not answer, in time or at all. What it did is unknown; repeating the command is safe. */
export class StoreUnavailableError extends Error {
  override readonly name = 'StoreUnavailableError'
}
