/** Accounts in one SQLite file: for one gateway (and the command line beside it). Every command is one transaction. */
import { z } from 'zod'
import {
  bucketWindowMs,
  type AccountStore, type LedgerQuery, type ReserveCommand, type ReserveResult, type SettleCommand,
  type SpentReplacement, type Take, type TakeState, type Tally
} from './account-store.js'
import { keyRecordSchema, orgRecordSchema, type KeyRecord, type OrgRecord } from './key-record.js'
import { ledgerEntrySchema, type LedgerEntry } from './ledger-entry.js'
import { SqliteDatabase } from './sqlite-database.js'
import type { KeptResponse, ResponseLimits } from './response-store.js'
import { answeredOnSchema, type AnsweredOn } from './turn-store.js'

export interface SqliteStoreOptions {
  /** A file, or `:memory:`. */
  path: string
  /** How long to wait for another process that writes. */
  busyMs?: number
  clock?: () => number
}

const bodyRow = z.object({ body: z.string() })
const integer = z.bigint().transform(Number)
const bucketRow = z.object({ level: integer, at_ms: integer })
const turnRow = answeredOnSchema.extend({ tokens: integer })
const tallyRow = z.object({ spent: z.bigint(), held: z.bigint() })
const heldTakesSchema = z.object({
  takes: z.array(z.object({
    kind: z.enum(['bucket', 'tally']), counter: z.string(), limit: z.number().nullable(), hold: z.number()
  })),
  abandonedEntry: z.string()
})
type HeldReservation = z.infer<typeof heldTakesSchema>

const ledgerPage = 1000
const abandonPerReserve = 50

export class SqliteStore implements AccountStore {
  readonly #sql: SqliteDatabase
  readonly #clock: () => number

  constructor ({ path, busyMs = 2000, clock = Date.now }: SqliteStoreOptions) {
    this.#clock = clock
    this.#sql = new SqliteDatabase(path, busyMs)
  }

  async nowMs (): Promise<number> {
    return this.#clock()
  }

  async findKeyByHash (hash: string): Promise<{ key: KeyRecord, org: OrgRecord } | null> {
    const row = this.#sql.get('select keys.body from key_hashes join keys on keys.id = key_id where hash = ?', hash)
    if (row === undefined) return null
    const key = parseKey(bodyRow.parse(row).body)
    return { key, org: this.#org(key.orgId) ?? orgRecordSchema.parse({ id: key.orgId, limits: {} }) }
  }

  async findKey (keyId: string): Promise<KeyRecord | null> {
    const row = this.#sql.get('select body from keys where id = ?', keyId)
    return row === undefined ? null : parseKey(bodyRow.parse(row).body)
  }

  async listKeys (): Promise<KeyRecord[]> {
    return this.#sql.all('select body from keys order by id').map(row => parseKey(bodyRow.parse(row).body))
  }

  async saveKey (record: KeyRecord): Promise<boolean> {
    return this.#sql.transaction(() => {
      const { changes } = record.version === 1
        ? this.#sql.run('insert into keys (id, version, body) values (?, 1, ?) on conflict do nothing', record.id, JSON.stringify(record))
        : this.#sql.run('update keys set version = ?, body = ? where id = ? and version = ?', record.version, JSON.stringify(record), record.id, record.version - 1)
      if (changes === 0) return false
      this.#sql.run('delete from key_hashes where key_id = ?', record.id)
      for (const { hash } of record.secrets) this.#sql.run('insert into key_hashes (hash, key_id) values (?, ?)', hash, record.id)
      return true
    })
  }

  async findOrg (orgId: string): Promise<OrgRecord | null> {
    return this.#org(orgId)
  }

  async saveOrg (record: OrgRecord): Promise<boolean> {
    const { changes } = record.version === 1
      ? this.#sql.run('insert into orgs (id, version, body) values (?, 1, ?) on conflict do update set version = 1, body = excluded.body where version = 0', record.id, JSON.stringify(record))
      : this.#sql.run('update orgs set version = ?, body = ? where id = ? and version = ?', record.version, JSON.stringify(record), record.id, record.version - 1)
    return changes > 0
  }

  async findTurn (hashes: readonly string[]): Promise<AnsweredOn | null> {
    for (const hash of hashes) {
      const row = this.#sql.get('select tier, tokens from turns where hash = ? and expires_at_ms > ?', hash, this.#clock())
      if (row !== undefined) return turnRow.parse(row)
    }
    return null
  }

  async rememberTurn (hash: string, { tier, tokens }: AnsweredOn, ttlMs: number): Promise<void> {
    this.#sql.run('insert or replace into turns (hash, tier, tokens, expires_at_ms) values (?, ?, ?, ?)', hash, tier, tokens, this.#clock() + ttlMs)
  }

  async keepResponse ({ id, owner, body }: KeptResponse, { ttlMs, maxCount, maxBytes }: ResponseLimits): Promise<boolean> {
    const bytes = Buffer.byteLength(body)
    if (bytes > maxBytes) return false
    return this.#sql.transaction(() => {
      const now = this.#clock()
      this.#sql.run('delete from responses where expires_at_ms <= ?', now)
      this.#sql.run('insert or replace into responses (id, owner, bytes, expires_at_ms, body) values (?, ?, ?, ?, ?)', id, owner, bytes, now + ttlMs, body)
      this.#sql.run(
        `delete from responses where position in (
           select position from (
             select position, count(*) over newest as count, sum(bytes) over newest as bytes from responses where owner = ?
             window newest as (order by position desc)
           ) where count > ? or bytes > ?
         )`,
        owner, maxCount, maxBytes
      )
      return true
    })
  }

  async findResponse (id: string, owner: string): Promise<string | null> {
    const row = this.#sql.get('select body from responses where id = ? and owner = ? and expires_at_ms > ?', id, owner, this.#clock())
    return row === undefined ? null : bodyRow.parse(row).body
  }

  async forgetResponse (id: string, owner: string): Promise<boolean> {
    return this.#sql.run('delete from responses where id = ? and owner = ? and expires_at_ms > ?', id, owner, this.#clock()).changes > 0
  }

  async reserve (command: ReserveCommand): Promise<ReserveResult> {
    return this.#sql.transaction(() => {
      const now = this.#clock()
      this.#abandonExpired(now, abandonPerReserve)
      const isRepeat = this.#sql.get('select 1 as known from reservations where id = ?', command.reservationId) !== undefined
      const states = command.takes.map(take => this.#look(take, now))
      const isReserved = !isRepeat && states.every(state => state.fits)
      if (!isReserved) return { isReserved: isRepeat, states }

      const held: HeldReservation = { takes: command.takes, abandonedEntry: JSON.stringify(command.abandonedEntry) }
      this.#sql.run('insert into reservations (id, expires_at_ms, body) values (?, ?, ?)', command.reservationId, now + command.ttlMs, JSON.stringify(held))
      for (const take of command.takes) {
        if (take.kind === 'bucket') this.#moveBucket(take.counter, take.limit, -take.hold, now)
        else this.#moveTally(take.counter, 0, take.hold, take.expiresAtMs)
      }
      // Seen again after the taking, so that the headers a client gets fall with every request.
      return { isReserved, states: command.takes.map((take, index) => ({ ...this.#look(take, now), ...fitsNow(states[index]) })) }
    })
  }

  async settle (command: SettleCommand): Promise<boolean> {
    return this.#sql.transaction(() => {
      const now = this.#clock()
      const [first] = command.entries
      if (first === undefined) throw new RangeError('a settlement needs a ledger entry')
      if (this.#sql.get('select 1 as known from ledger where entry_id = ?', first.entryId) !== undefined) return false
      this.#turnIntoSpending(command, now)
      for (const entry of command.entries) this.#append(JSON.stringify(entry), entry.entryId, entry.admittedAtMs)
      return true
    })
  }

  async release (reservationId: string): Promise<void> {
    this.#sql.transaction(() => this.#giveBack(reservationId, this.#clock()))
  }

  async renew (reservationIds: string[], ttlMs: number): Promise<void> {
    this.#sql.transaction(() => {
      const until = this.#clock() + ttlMs
      for (const id of reservationIds) this.#sql.run('update reservations set expires_at_ms = ? where id = ?', until, id)
    })
  }

  async abandonExpired (): Promise<number> {
    return this.#sql.transaction(() => {
      const now = this.#clock()
      this.#sql.run('delete from tallies where expires_at_ms <= ? and held = 0', now)
      this.#sql.run('delete from turns where expires_at_ms <= ?', now)
      this.#sql.run('delete from responses where expires_at_ms <= ?', now)
      return this.#abandonExpired(now, 1000)
    })
  }

  async listTallies (prefix: string): Promise<Map<string, Tally>> {
    const rows = this.#sql.all('select counter, spent, held from tallies where substr(counter, 1, ?) = ?', prefix.length, prefix)
    return new Map(rows.map(row => {
      const { counter, ...tally } = tallyRow.extend({ counter: z.string() }).parse(row)
      return [counter, tally]
    }))
  }

  async readTallies (counters: string[]): Promise<Tally[]> {
    return counters.map(counter => this.#tally(counter))
  }

  async ledgerVersion (): Promise<string> {
    return this.#ledgerVersion()
  }

  async * readLedger (query: LedgerQuery): AsyncGenerator<LedgerEntry, void, undefined> {
    let position = BigInt(query.sinceVersion ?? 0)
    const last = BigInt(query.untilVersion ?? Number.MAX_SAFE_INTEGER)
    const pageRow = z.object({ position: z.bigint(), body: z.string() })
    for (;;) {
      const rows = this.#sql.all(
        `select position, body from ledger where position > ? and position <= ?
         and admitted_at_ms >= ? and admitted_at_ms < ? order by position limit ${ledgerPage}`,
        position, last, query.fromMs, query.toMs
      ).map(row => pageRow.parse(row))
      for (const row of rows) {
        position = row.position
        yield ledgerEntrySchema.parse(JSON.parse(row.body))
      }
      if (rows.length < ledgerPage) return
    }
  }

  async replaceSpent (version: string, replacements: SpentReplacement[]): Promise<boolean> {
    return this.#sql.transaction(() => {
      if (this.#ledgerVersion() !== version) return false
      const held = new Map<string, number>()
      for (const reservation of this.#sql.all('select body from reservations')) {
        for (const take of heldTakesSchema.parse(JSON.parse(bodyRow.parse(reservation).body)).takes) {
          if (take.kind === 'tally') held.set(take.counter, (held.get(take.counter) ?? 0) + take.hold)
        }
      }
      for (const { counter, spent, expiresAtMs } of replacements) {
        this.#sql.run(
          `insert into tallies (counter, spent, held, expires_at_ms) values (?, ?, ?, ?)
           on conflict do update set spent = excluded.spent, held = excluded.held`,
          counter, spent, held.get(counter) ?? 0, expiresAtMs
        )
      }
      return true
    })
  }

  async close (): Promise<void> {
    this.#sql.close()
  }

  #ledgerVersion (): string {
    const row = this.#sql.get('select coalesce(max(position), 0) as position from ledger')
    return String(z.object({ position: z.bigint() }).parse(row).position)
  }

  #look (take: Take, now: number): TakeState {
    if (take.kind === 'tally') {
      if (take.limit === null) return { fits: true, remaining: null, waitMs: null, resetMs: null }
      const { spent, held } = this.#tally(take.counter)
      const left = take.limit - Number(spent + held)
      return { fits: take.need <= left, remaining: Math.max(0, left), waitMs: null, resetMs: null }
    }
    const capacity = capacityOf(take)
    const level = this.#bucketLevel(take.counter, capacity, now)
    const lacking = take.need * bucketWindowMs - level
    return {
      fits: lacking <= 0,
      remaining: Math.max(0, Math.floor(level / bucketWindowMs)),
      waitMs: Math.max(0, Math.ceil(lacking / capacity)),
      resetMs: Math.ceil((capacity * bucketWindowMs - level) / capacity)
    }
  }

  /** Ends a reservation and credits all it holds, by its own record. */
  #giveBack (reservationId: string, now: number): void {
    for (const take of this.#endReservation(reservationId) ?? []) {
      if (take.kind === 'bucket') this.#moveBucket(take.counter, take.limit, take.hold, now)
      else this.#moveTally(take.counter, 0, -take.hold, null)
    }
  }

  /** What it held; null: there is none. */
  #endReservation (reservationId: string): HeldReservation['takes'] | null {
    const row = this.#sql.get('delete from reservations where id = ? returning body', reservationId)
    return row === undefined ? null : heldTakesSchema.parse(JSON.parse(bodyRow.parse(row).body)).takes
  }

  /** As giving everything back and charging what was used, but each tally is written once. */
  #turnIntoSpending ({ reservationId, charges }: SettleCommand, now: number): void {
    const takes = this.#endReservation(reservationId)
    const heldIn = new Map<string, number>()
    for (const { kind, counter, limit, hold } of takes ?? []) {
      if (kind === 'bucket') this.#moveBucket(counter, limit, hold, now)
      else heldIn.set(counter, (heldIn.get(counter) ?? 0) + hold)
    }
    for (const { kind, counter, limit, hold, real, expiresAtMs } of charges) {
      if (kind === 'bucket') {
        this.#moveBucket(counter, limit, (takes === null ? hold : 0) - real, now)
      } else {
        this.#moveTally(counter, real, -(heldIn.get(counter) ?? 0), expiresAtMs)
        heldIn.delete(counter)
      }
    }
    for (const [counter, hold] of heldIn) this.#moveTally(counter, 0, -hold, null)
  }

  #bucketLevel (counter: string, capacity: number, now: number): number {
    const full = capacity * bucketWindowMs
    const row = this.#sql.get('select level, at_ms from buckets where counter = ?', counter)
    if (row === undefined) return full
    const bucket = bucketRow.parse(row)
    return Math.min(full, bucket.level + Math.max(0, now - bucket.at_ms) * capacity)
  }

  #moveBucket (counter: string, limit: number | null, units: number, now: number): void {
    const capacity = capacityOf({ counter, limit })
    const level = Math.min(capacity * bucketWindowMs, this.#bucketLevel(counter, capacity, now) + units * bucketWindowMs)
    this.#sql.run('insert into buckets (counter, level, at_ms) values (?, ?, ?) on conflict do update set level = excluded.level, at_ms = excluded.at_ms', counter, level, now)
  }

  #tally (counter: string): Tally {
    const row = this.#sql.get('select spent, held from tallies where counter = ?', counter)
    return row === undefined ? { spent: 0n, held: 0n } : tallyRow.parse(row)
  }

  #moveTally (counter: string, spent: number, held: number, expiresAtMs: number | null): void {
    this.#sql.run(
      `insert into tallies (counter, spent, held, expires_at_ms) values (?, ?, ?, ?)
       on conflict do update set spent = spent + excluded.spent, held = held + excluded.held`,
      counter, spent, held, expiresAtMs
    )
  }

  #abandonExpired (now: number, most: number): number {
    const rows = this.#sql.all('select id, body from reservations where expires_at_ms <= ? order by expires_at_ms limit ?', now, most)
    for (const row of rows) {
      const { id, body } = bodyRow.extend({ id: z.string() }).parse(row)
      const held = heldTakesSchema.parse(JSON.parse(body))
      for (const take of held.takes) {
        if (take.kind === 'tally') this.#moveTally(take.counter, 0, -take.hold, null)
      }
      const entry = ledgerEntrySchema.parse(JSON.parse(held.abandonedEntry))
      this.#append(held.abandonedEntry, entry.entryId, entry.admittedAtMs)
      this.#sql.run('delete from reservations where id = ?', id)
    }
    return rows.length
  }

  #append (body: string, entryId: string, admittedAtMs: number): void {
    this.#sql.run('insert into ledger (entry_id, admitted_at_ms, body) values (?, ?, ?)', entryId, admittedAtMs, body)
  }

  #org (orgId: string): OrgRecord | null {
    const row = this.#sql.get('select body from orgs where id = ?', orgId)
    return row === undefined ? null : orgRecordSchema.parse(JSON.parse(bodyRow.parse(row).body))
  }
}

function parseKey (body: string): KeyRecord {
  return keyRecordSchema.parse(JSON.parse(body))
}

function capacityOf ({ counter, limit }: { counter: string, limit: number | null }): number {
  if (limit === null || limit < 1) throw new RangeError(`bucket ${counter} needs a limit of at least 1`)
  return limit
}

function fitsNow (before: TakeState | undefined): Pick<TakeState, 'fits' | 'waitMs'> {
  return { fits: true, waitMs: before?.waitMs ?? null }
}
