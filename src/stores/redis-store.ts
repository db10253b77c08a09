/**
 * Accounts in one Redis, shared by many gateways. What must be atomic is Lua (redis-scripts.ts).
 *
 * The ledger lives here too, so Redis must keep what it acknowledged: `appendonly yes`, `appendfsync always`.
 */
import { Redis } from 'ioredis'
import { z } from 'zod'
import {
  StoreUnavailableError,
  type AccountStore, type LedgerQuery, type ReserveCommand, type ReserveResult, type SettleCommand,
  type SpentReplacement, type TakeState, type Tally
} from './account-store.js'
import { keyRecordSchema, orgRecordSchema, type KeyRecord, type OrgRecord } from './key-record.js'
import { ledgerEntrySchema, type LedgerEntry } from './ledger-entry.js'
import { RedisClock } from './redis-clock.js'
import { redisScripts, type RedisScriptName } from './redis-scripts.js'
import { StoreBreaker, type StoreBreakerOptions } from './store-breaker.js'
import type { KeptResponse, ResponseLimits } from './response-store.js'
import { answeredOnSchema, type AnsweredOn } from './turn-store.js'

export interface RedisStoreOptions {
  /** redis://, rediss:// or the path of a unix socket. */
  url: string
  prefix?: string
  /** A command without an answer by then has failed. */
  commandTimeoutMs?: number
  breaker?: StoreBreakerOptions
  /** Added to the server's clock; for tests that travel in time. */
  clockOffsetMs?: () => number
}

/** A settlement that waited in a journal longer than this could be counted twice. */
const settledMarkerMs = 90 * 24 * 3600_000
const ledgerPage = 500
const abandonBatch = 1000
/** The stream is ordered by the time of settling, which may precede a gateway's idea of admission by a round trip. */
const streamSlackMs = 60_000

export class RedisStore implements AccountStore {
  readonly #redis: Redis
  readonly #prefix: string
  readonly #offsetMs: () => number
  readonly #clock = new RedisClock()
  readonly #breaker: StoreBreaker

  constructor ({ url, prefix = 'gearbox', commandTimeoutMs = 250, breaker, clockOffsetMs = () => 0 }: RedisStoreOptions) {
    this.#prefix = `{${prefix}}:`
    this.#offsetMs = clockOffsetMs
    this.#breaker = new StoreBreaker(breaker)
    this.#redis = new Redis(url, {
      commandTimeout: commandTimeoutMs,
      connectTimeout: Math.max(1000, commandTimeoutMs),
      // What was not answered has failed here and now; repeating it is the caller's decision, not the connection's.
      maxRetriesPerRequest: 0,
      autoResendUnfulfilledCommands: false,
      retryStrategy: attempt => Math.min(1000, 25 * 2 ** Math.min(attempt, 6)),
      scripts: Object.fromEntries(Object.entries(redisScripts).map(([name, lua]) => [name, { lua, numberOfKeys: 0 }]))
    })
    // Each failed command carries its own error; without a listener ioredis would print every reconnect.
    this.#redis.on('error', () => {})
  }

  async nowMs (): Promise<number> {
    const serverMs = await this.#clock.nowMs(async () => {
      const [seconds, micros] = await this.#ask(() => this.#redis.time())
      return Number(seconds) * 1000 + Math.floor(Number(micros) / 1000)
    })
    return serverMs + this.#offsetMs()
  }

  async findKeyByHash (hash: string): Promise<{ key: KeyRecord, org: OrgRecord } | null> {
    const reply = z.tuple([z.string(), z.string().nullable()]).nullable().parse(await this.#script('findKeyByHash', hash))
    if (reply === null) return null
    const key = keyRecordSchema.parse(JSON.parse(reply[0]))
    return { key, org: orgRecordSchema.parse(reply[1] === null ? { id: key.orgId, limits: {} } : JSON.parse(reply[1])) }
  }

  async findKey (keyId: string): Promise<KeyRecord | null> {
    const body = await this.#ask(() => this.#redis.hget(`${this.#prefix}keys`, keyId))
    return body === null ? null : keyRecordSchema.parse(JSON.parse(body))
  }

  async listKeys (): Promise<KeyRecord[]> {
    const bodies = await this.#ask(() => this.#redis.hvals(`${this.#prefix}keys`))
    return bodies.map(body => keyRecordSchema.parse(JSON.parse(body))).sort((a, b) => a.id < b.id ? -1 : 1)
  }

  async saveKey (record: KeyRecord): Promise<boolean> {
    const hashes = record.secrets.map(secret => secret.hash)
    return await this.#script('saveKey', record.id, JSON.stringify(record), record.version, ...hashes) === 1
  }

  async findOrg (orgId: string): Promise<OrgRecord | null> {
    const body = await this.#ask(() => this.#redis.hget(`${this.#prefix}orgs`, orgId))
    return body === null ? null : orgRecordSchema.parse(JSON.parse(body))
  }

  async saveOrg (record: OrgRecord): Promise<boolean> {
    return await this.#script('saveOrg', record.id, JSON.stringify(record), record.version) === 1
  }

  async findTurn (hashes: readonly string[]): Promise<AnsweredOn | null> {
    if (hashes.length === 0) return null
    const bodies = await this.#ask(() => this.#redis.mget(hashes.map(hash => `${this.#prefix}turn:${hash}`)))
    const found = bodies.find(body => body !== null) ?? null
    return found === null ? null : answeredOnSchema.parse(JSON.parse(found))
  }

  async rememberTurn (hash: string, answeredOn: AnsweredOn, ttlMs: number): Promise<void> {
    await this.#ask(() => this.#redis.set(`${this.#prefix}turn:${hash}`, JSON.stringify(answeredOn), 'PX', ttlMs))
  }

  async keepResponse ({ id, owner, body }: KeptResponse, { ttlMs, maxCount, maxBytes }: ResponseLimits): Promise<boolean> {
    return await this.#script('keepResponse', this.#offsetMs(), id, owner, body, ttlMs, maxCount, maxBytes) === 1
  }

  async findResponse (id: string, owner: string): Promise<string | null> {
    return z.string().nullable().parse(await this.#script('findResponse', this.#offsetMs(), id, owner))
  }

  async forgetResponse (id: string, owner: string): Promise<boolean> {
    return await this.#script('forgetResponse', this.#offsetMs(), id, owner) === 1
  }

  async reserve (command: ReserveCommand): Promise<ReserveResult> {
    const body = JSON.stringify({ takes: command.takes.map(withoutNull), abandonedEntry: JSON.stringify(command.abandonedEntry) })
    const [isReserved, ...figures] = this.#timed(await this.#script('reserve', this.#offsetMs(), command.reservationId, command.ttlMs, body))
    return { isReserved: isReserved === 1, states: command.takes.map((_, index) => stateOf(figures.slice(index * 4, index * 4 + 4))) }
  }

  async settle (command: SettleCommand): Promise<boolean> {
    if (command.entries.length === 0) throw new RangeError('a settlement needs a ledger entry')
    const [isFirst] = this.#timed(await this.#script(
      'settle', this.#offsetMs(), command.reservationId, settledMarkerMs,
      JSON.stringify(command.charges.map(withoutNull)), ...command.entries.map(entry => JSON.stringify(entry))
    ))
    return isFirst === 1
  }

  async release (reservationId: string): Promise<void> {
    await this.#script('release', this.#offsetMs(), reservationId)
  }

  async renew (reservationIds: string[], ttlMs: number): Promise<void> {
    await this.#script('renew', this.#offsetMs(), ttlMs, ...reservationIds)
  }

  async abandonExpired (): Promise<number> {
    return z.int().parse(await this.#script('abandonExpired', this.#offsetMs(), abandonBatch))
  }

  async listTallies (prefix: string): Promise<Map<string, Tally>> {
    const start = `${this.#prefix}tally:`
    const counters = new Set<string>()
    let cursor = '0'
    do {
      const at = cursor
      const [next, keys] = await this.#ask(() => this.#redis.scan(at, 'MATCH', `${escapeGlob(start + prefix)}*`, 'COUNT', 500))
      for (const key of keys) counters.add(key.slice(start.length))
      cursor = next
    } while (cursor !== '0')
    const names = [...counters]
    const tallies = await this.readTallies(names)
    return new Map(names.flatMap((name, index) => {
      const tally = tallies[index]
      return tally === undefined ? [] : [[name, tally]]
    }))
  }

  async readTallies (counters: string[]): Promise<Tally[]> {
    return Promise.all(counters.map(async counter => {
      const [spent, held] = await this.#ask(() => this.#redis.hmget(`${this.#prefix}tally:${counter}`, 'spent', 'held'))
      return { spent: BigInt(spent ?? 0), held: BigInt(held ?? 0) }
    }))
  }

  async ledgerVersion (): Promise<string> {
    const [last] = await this.#ask(() => this.#redis.xrevrange(`${this.#prefix}ledger`, '+', '-', 'COUNT', 1))
    return last?.[0] ?? '0-0'
  }

  async * readLedger (query: LedgerQuery): AsyncGenerator<LedgerEntry, void, undefined> {
    const last = query.untilVersion ?? '+'
    if (last === '0-0') return
    let from = query.sinceVersion === undefined ? `${Math.max(0, query.fromMs - streamSlackMs)}-0` : `(${query.sinceVersion}`
    for (;;) {
      const start = from
      const page = await this.#ask(() => this.#redis.xrange(`${this.#prefix}ledger`, start, last, 'COUNT', ledgerPage))
      for (const [id, fields] of page) {
        from = `(${id}`
        const entry = ledgerEntrySchema.parse(JSON.parse(fields[1] ?? ''))
        if (entry.admittedAtMs >= query.fromMs && entry.admittedAtMs < query.toMs) yield entry
      }
      if (page.length < ledgerPage) return
    }
  }

  async replaceSpent (version: string, replacements: SpentReplacement[]): Promise<boolean> {
    const threes = replacements.flatMap(({ counter, spent, expiresAtMs }) => [counter, String(spent), expiresAtMs ?? 0])
    return await this.#script('replaceSpent', this.#offsetMs(), version, ...threes) === 1
  }

  async close (): Promise<void> {
    this.#redis.disconnect()
  }

  /** Every script's first argument is the prefix of the keys. */
  async #script (name: RedisScriptName, ...values: Array<string | number>): Promise<unknown> {
    const run: unknown = Reflect.get(this.#redis, name)
    if (typeof run !== 'function') throw new TypeError(`script ${name} is not defined`)
    return this.#ask((): Promise<unknown> => run.call(this.#redis, this.#prefix, ...values))
  }

  #ask<Reply> (command: () => Promise<Reply>): Promise<Reply> {
    return this.#breaker.run(async () => {
      try {
        return await command()
      } catch (error) {
        throw asUnavailable(error)
      }
    })
  }

  /** Takes the server's time out of a reply that has it in second place. */
  #timed (reply: unknown): number[] {
    const [first, serverMs, ...rest] = z.array(z.number()).parse(reply)
    if (first === undefined || serverMs === undefined) throw new TypeError('a reply without result and time')
    this.#clock.saw(serverMs - this.#offsetMs())
    return [first, ...rest]
  }
}

/** A command that Redis itself rejects is a bug of ours, except while it cannot serve at all. */
function asUnavailable (error: unknown): unknown {
  const message = error instanceof Error ? error.message : String(error)
  const isRejection = error instanceof Error && error.name === 'ReplyError'
  const isTemporary = /\b(LOADING|READONLY|MISCONF|OOM|MASTERDOWN|BUSY|NOAUTH|WRONGPASS|CLUSTERDOWN|TRYAGAIN)\b/.test(message)
  return isRejection && !isTemporary ? error : new StoreUnavailableError(`Redis: ${message}`, { cause: error })
}

/** cjson reads null as a value of its own kind; numbers keep the Lua side plain. */
function withoutNull<Counter extends { limit: number | null, expiresAtMs: number | null }> (counter: Counter): Counter {
  return { ...counter, limit: counter.limit ?? -1, expiresAtMs: counter.expiresAtMs ?? 0 }
}

function stateOf ([fits, remaining, waitMs, resetMs]: number[]): TakeState {
  const figure = (value: number | undefined): number | null => value === undefined || value < 0 ? null : value
  return { fits: fits === 1, remaining: figure(remaining), waitMs: figure(waitMs), resetMs: figure(resetMs) }
}

function escapeGlob (text: string): string {
  return text.replace(/[\\*?[\]^-]/g, '\\$&')
}
