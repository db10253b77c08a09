/** The contract of an account store, run over both twins. */
import { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import type { AccountStore, Charge, ReserveCommand, SettleCommand, Take } from '../../src/stores/account-store.js'
import { keyRecordSchema, type KeyRecord } from '../../src/stores/key-record.js'
import type { LedgerEntry } from '../../src/stores/ledger-entry.js'
import { RedisStore } from '../../src/stores/redis-store.js'
import { SqliteStore } from '../../src/stores/sqlite-store.js'
import { hasRedis, startRedis, withoutRedis } from './start-redis.js'

interface TravelClock {
  aheadMs: number
}
type OpenStore = (clock: TravelClock) => AccountStore

const bucket = (counter: string, limit: number, need: number): Take => ({ kind: 'bucket', counter, limit, need, hold: need, expiresAtMs: null })
const tally = (counter: string, limit: number | null, need: number, hold = need): Take => ({ kind: 'tally', counter, limit, need, hold, expiresAtMs: null })
const chargeFor = ({ kind, counter, limit, hold, expiresAtMs }: Take, real: number): Charge => ({ kind, counter, limit, hold, real, expiresAtMs })

function entry (entryId: string, admittedAtMs: number, costNanoUsd = 0): LedgerEntry {
  return {
    entryId,
    requestId: 'request-1',
    attempt: 1,
    keyId: 'key_1',
    orgId: 'acme',
    tier: 'flash',
    reason: 'default',
    checkpoint: 'flash-mini',
    worker: 'w1',
    promptTokens: 1,
    cachedTokens: 0,
    completionTokens: 1,
    costNanoUsd,
    outcome: 'completed',
    admittedAtMs,
    settledAtMs: admittedAtMs
  }
}

async function reserveCommand (store: AccountStore, reservationId: string, takes: Take[], ttlMs = 60_000): Promise<ReserveCommand> {
  return { reservationId, takes, ttlMs, abandonedEntry: { ...entry(`${reservationId}.abandoned`, await store.nowMs()), outcome: 'abandoned', settledAtMs: null } }
}

async function settleCommand (store: AccountStore, reservationId: string, charges: Charge[], costNanoUsd = 0): Promise<SettleCommand> {
  return { reservationId, charges, entries: [entry(`${reservationId}.1`, await store.nowMs(), costNanoUsd)] }
}

async function collect (store: AccountStore, query: Partial<Parameters<AccountStore['readLedger']>[0]> = {}): Promise<LedgerEntry[]> {
  const entries = []
  for await (const item of store.readLedger({ fromMs: 0, toMs: Number.MAX_SAFE_INTEGER, ...query })) entries.push(item)
  return entries
}

function keyRecord (fields: Partial<KeyRecord> = {}): KeyRecord {
  return keyRecordSchema.parse({
    id: 'key_1',
    orgId: 'acme',
    version: 1,
    name: 'ci',
    hint: 'gbx_abcd',
    secrets: [{ hash: 'a'.repeat(64), expiresAtMs: null }],
    createdAtMs: 1,
    expiresAtMs: null,
    revokedAtMs: null,
    rules: {},
    limits: {},
    ...fields
  })
}

async function contract (t: Test, open: OpenStore): Promise<void> {
  const clock: TravelClock = { aheadMs: 0 }
  const test = (name: string, body: (t: Test, store: AccountStore) => Promise<void>): Promise<unknown> => t.test(name, async t => {
    clock.aheadMs = 0
    const store = open(clock)
    t.teardown(() => store.close())
    await body(t, store)
  })

  await test('finds a key by the hash of any of its secrets, with its organisation', async (t, store) => {
    t.equal(await store.findKeyByHash('a'.repeat(64)), null)
    t.ok(await store.saveKey(keyRecord()))
    t.same(await store.findKeyByHash('a'.repeat(64)), { key: keyRecord(), org: { id: 'acme', version: 0, limits: keyRecord().limits } })
    t.ok(await store.saveOrg({ id: 'acme', version: 1, limits: { ...keyRecord().limits, nanoUsdPerDay: 7 } }))
    t.equal((await store.findKeyByHash('a'.repeat(64)))?.org.limits.nanoUsdPerDay, 7)
    t.equal((await store.findOrg('acme'))?.limits.nanoUsdPerDay, 7)
    t.equal(await store.findOrg('nobody'), null)

    const rotated = keyRecord({ version: 2, secrets: [{ hash: 'b'.repeat(64), expiresAtMs: null }, { hash: 'a'.repeat(64), expiresAtMs: 5 }] })
    t.ok(await store.saveKey(rotated))
    t.same((await store.findKeyByHash('a'.repeat(64)))?.key, rotated)
    t.same((await store.findKeyByHash('b'.repeat(64)))?.key, rotated)
    t.ok(await store.saveKey(keyRecord({ version: 3, secrets: [{ hash: 'b'.repeat(64), expiresAtMs: null }] })))
    t.equal(await store.findKeyByHash('a'.repeat(64)), null, 'a dropped secret opens nothing')
    t.equal((await store.listKeys()).length, 1)
    t.equal((await store.findKey('key_1'))?.version, 3)
  })

  await test('refuses a write to a key that is not based on its newest version', async (t, store) => {
    t.ok(await store.saveKey(keyRecord()))
    t.notOk(await store.saveKey(keyRecord()), 'exists')
    t.ok(await store.saveKey(keyRecord({ version: 2, revokedAtMs: 9 })))
    t.notOk(await store.saveKey(keyRecord({ version: 2, name: 'late' })))
    t.equal((await store.findKey('key_1'))?.revokedAtMs, 9)
  })

  await test('refuses a write to an organisation likewise', async (t, store) => {
    const org = (version: number, nanoUsdPerDay: number) => ({ id: 'acme', version, limits: { ...keyRecord().limits, nanoUsdPerDay } })
    t.notOk(await store.saveOrg(org(2, 1)), 'not there yet')
    t.ok(await store.saveOrg(org(1, 1)))
    t.notOk(await store.saveOrg(org(1, 2)), 'exists')
    t.ok(await store.saveOrg(org(2, 3)))
    t.notOk(await store.saveOrg(org(2, 4)), 'late')
    t.same(await store.findOrg('acme'), org(2, 3))
  })

  await test('knows where a conversation was answered', async (t, store) => {
    const [pro, flash] = [{ tier: 'pro', tokens: 12 }, { tier: 'flash', tokens: 3 }] as const
    t.equal(await store.findTurn([]), null)
    t.equal(await store.findTurn(['a', 'b']), null)
    await store.rememberTurn('b', flash, 60_000)
    t.same(await store.findTurn(['a', 'b']), flash)
    await store.rememberTurn('a', flash, 60_000)
    await store.rememberTurn('a', pro, 60_000)
    t.same(await store.findTurn(['a', 'b']), pro, 'the first that is known, as it was said last')
  })

  await test('takes everything or nothing', async (t, store) => {
    const result = await store.reserve(await reserveCommand(store, 'r1', [bucket('rpm', 10, 1), tally('usd', 5, 6), tally('other', 100, 1)]))
    t.equal(result.isReserved, false)
    t.same(result.states.map(state => state.fits), [true, false, true])
    t.same(result.states.map(state => state.remaining), [10, 5, 100])
    t.same(await store.readTallies(['usd', 'other']), [{ spent: 0n, held: 0n }, { spent: 0n, held: 0n }])
    const second = await store.reserve(await reserveCommand(store, 'r2', [bucket('rpm', 10, 10), tally('usd', 5, 5)]))
    t.equal(second.isReserved, true, 'the refused reservation burned no quota')
    t.same(second.states.map(state => state.remaining), [0, 0])
  })

  await test('a bucket refills continuously and says how long to wait', async (t, store) => {
    await store.reserve(await reserveCommand(store, 'r1', [bucket('rpm', 60, 60)]))
    const refused = await store.reserve(await reserveCommand(store, 'r2', [bucket('rpm', 60, 2)]))
    t.equal(refused.isReserved, false)
    const waitMs = refused.states[0]?.waitMs ?? 0
    t.ok(waitMs > 0 && waitMs <= 2000, `${waitMs}`)
    clock.aheadMs += waitMs
    t.equal((await store.reserve(await reserveCommand(store, 'r3', [bucket('rpm', 60, 2)]))).isReserved, true)
    clock.aheadMs += 3600_000
    const [state] = (await store.reserve(await reserveCommand(store, 'r4', [bucket('rpm', 60, 1)]))).states
    t.equal(state?.remaining, 59, 'never more than full')
    t.equal(state?.resetMs, 1000)
  })

  await test('a bucket may run into debt at settlement, which the next caller waits for', async (t, store) => {
    const take = bucket('tpm', 60, 10)
    await store.reserve(await reserveCommand(store, 'r1', [take]))
    t.ok(await store.settle(await settleCommand(store, 'r1', [chargeFor(take, 180)])))
    const { isReserved, states } = await store.reserve(await reserveCommand(store, 'r2', [bucket('tpm', 60, 1)]))
    t.equal(isReserved, false)
    t.equal(states[0]?.remaining, 0)
    const waitMs = states[0]?.waitMs ?? 0
    t.ok(waitMs > 115_000 && waitMs <= 121_000, `${waitMs}`)
  })

  await test('settling turns what was held into what was spent, once', async (t, store) => {
    const takes = [tally('usd', 100, 10, 40), tally('concurrency', 1, 1)]
    await store.reserve(await reserveCommand(store, 'r1', takes))
    t.same(await store.readTallies(['usd', 'concurrency']), [{ spent: 0n, held: 40n }, { spent: 0n, held: 1n }])
    t.equal((await store.reserve(await reserveCommand(store, 'r2', [tally('concurrency', 1, 1)]))).isReserved, false)
    const command = await settleCommand(store, 'r1', [chargeFor(takes[0] ?? tally('', 0, 0), 13), chargeFor(takes[1] ?? tally('', 0, 0), 0)], 13)
    t.equal(await store.settle(command), true)
    t.equal(await store.settle(command), false)
    await store.release('r1')
    t.same(await store.readTallies(['usd', 'concurrency']), [{ spent: 13n, held: 0n }, { spent: 0n, held: 0n }])
    t.same((await collect(store)).map(item => [item.entryId, item.costNanoUsd]), [['r1.1', 13]])
  })

  await test('settles without a reservation: the store was unreachable when it should have been made', async (t, store) => {
    t.ok(await store.settle(await settleCommand(store, 'lost', [chargeFor(tally('usd', 5, 0), 9)], 9)))
    t.same(await store.readTallies(['usd']), [{ spent: 9n, held: 0n }])
    t.equal((await store.reserve(await reserveCommand(store, 'r1', [tally('usd', 5, 0)]))).isReserved, false, 'over budget, so even nothing is refused')
  })

  await test('what is needed may be less than what is held', async (t, store) => {
    t.equal((await store.reserve(await reserveCommand(store, 'r1', [tally('usd', 10, 4, 30)]))).isReserved, true)
    t.equal((await store.reserve(await reserveCommand(store, 'r2', [tally('usd', 10, 1, 1)]))).isReserved, false)
    await store.release('r1')
    t.equal((await store.reserve(await reserveCommand(store, 'r3', [tally('usd', 10, 1, 1)]))).isReserved, true)
  })

  await test('releasing gives everything back', async (t, store) => {
    await store.reserve(await reserveCommand(store, 'r1', [bucket('rpm', 2, 2), tally('usd', 5, 5)]))
    await store.release('r1')
    await store.release('r1')
    const { isReserved, states } = await store.reserve(await reserveCommand(store, 'r2', [bucket('rpm', 2, 2), tally('usd', 5, 5)]))
    t.equal(isReserved, true)
    t.same(states.map(state => state.remaining), [0, 0])
  })

  await test('repeating a reservation takes nothing twice', async (t, store) => {
    const command = await reserveCommand(store, 'r1', [tally('usd', 5, 3)])
    t.equal((await store.reserve(command)).isReserved, true)
    t.equal((await store.reserve(command)).isReserved, true)
    t.same(await store.readTallies(['usd']), [{ spent: 0n, held: 3n }])
  })

  await test('an abandoned reservation ends by itself, with an entry; a late settlement still counts', async (t, store) => {
    const takes = [tally('usd', 5, 5), tally('concurrency', 1, 1)]
    await store.reserve(await reserveCommand(store, 'r1', takes, 1000))
    await store.reserve(await reserveCommand(store, 'kept', [tally('usd', 6, 1)], 1000))
    clock.aheadMs += 900
    await store.renew(['kept', 'unknown'], 1000)
    clock.aheadMs += 200
    t.equal(await store.abandonExpired(), 1)
    t.same(await store.readTallies(['usd', 'concurrency']), [{ spent: 0n, held: 1n }, { spent: 0n, held: 0n }])
    t.same((await collect(store)).map(item => [item.entryId, item.outcome]), [['r1.abandoned', 'abandoned']])
    t.ok(await store.settle(await settleCommand(store, 'r1', takes.map((take, index) => chargeFor(take, index === 0 ? 4 : 0)), 4)))
    t.same(await store.readTallies(['usd', 'concurrency']), [{ spent: 4n, held: 1n }, { spent: 0n, held: 0n }])
    clock.aheadMs += 5000
    t.equal((await store.reserve(await reserveCommand(store, 'r2', [tally('usd', 5, 1)]))).isReserved, true, 'a reservation sweeps before it looks')
  })

  await test('reads the ledger by time of admission and by version, over many pages', async (t, store) => {
    const start = await store.nowMs()
    const before = await store.ledgerVersion()
    for (let index = 0; index < 1205; index++) {
      await store.settle({ reservationId: `r${index}`, charges: [], entries: [entry(`r${index}.1`, start + index, 1)] })
    }
    const all = await collect(store)
    t.same(all.map(item => item.entryId), Array.from({ length: 1205 }, (_, index) => `r${index}.1`))
    t.equal((await collect(store, { fromMs: start + 10, toMs: start + 20 })).length, 10)
    const middle = await store.ledgerVersion()
    await store.settle({ reservationId: 'last', charges: [], entries: [entry('last.1', start), entry('last.2', start)] })
    t.same((await collect(store, { sinceVersion: middle })).map(item => item.entryId), ['last.1', 'last.2'])
    t.equal((await collect(store, { untilVersion: middle })).length, 1205)
    t.equal((await collect(store, { untilVersion: before })).length, 0)
  })

  await test('replaces what was spent only if the ledger has not grown', async (t, store) => {
    await store.reserve(await reserveCommand(store, 'r1', [tally('usd:a', 50, 5, 20)]))
    await store.settle({ reservationId: 'r0', charges: [chargeFor(tally('usd:a', 50, 0), 3)], entries: [entry('r0.1', await store.nowMs(), 3)] })
    t.equal(await store.replaceSpent('0-0', [{ counter: 'usd:a', spent: 9n, expiresAtMs: null }]), false)
    const big = BigInt(Number.MAX_SAFE_INTEGER) + 2n
    t.equal(await store.replaceSpent(await store.ledgerVersion(), [{ counter: 'usd:a', spent: big, expiresAtMs: null }, { counter: 'usd:b', spent: 2n, expiresAtMs: null }]), true)
    t.same([...(await store.listTallies('usd:')).entries()].sort(), [['usd:a', { spent: big, held: 20n }], ['usd:b', { spent: 2n, held: 0n }]])
    t.same([...(await store.listTallies('us?')).keys()], [], 'a prefix is text, not a pattern')
  })

  await test('counts large sums exactly', async (t, store) => {
    const large = 4_503_599_627_370_497
    const take = tally('usd', Number.MAX_SAFE_INTEGER, large)
    t.equal((await store.reserve(await reserveCommand(store, 'r1', [take]))).isReserved, true)
    t.equal((await store.reserve(await reserveCommand(store, 'r2', [take]))).isReserved, false)
    await store.settle(await settleCommand(store, 'r1', [chargeFor(take, large)], large))
    t.same(await store.readTallies(['usd']), [{ spent: BigInt(large), held: 0n }])
    t.equal((await collect(store))[0]?.costNanoUsd, large)
  })

  await test('reservations at one time never get more than there is', async (t, store) => {
    await Promise.all(Array.from({ length: 100 }, async (_, index) => store.reserve(await reserveCommand(store, `r${index}`, [tally('usd', 35, 1)]))))
    t.same(await store.readTallies(['usd']), [{ spent: 0n, held: 35n }])
  })
}

await t.test('SQLite', async t => {
  await contract(t, clock => new SqliteStore({ path: ':memory:', clock: () => Date.now() + clock.aheadMs }))
})

if (hasRedis()) {
  await t.test('Redis', async t => {
    const redis = await startRedis()
    t.teardown(() => redis.stop())
    let opened = 0
    await contract(t, clock => new RedisStore({ url: redis.url, prefix: `contract-${opened++}`, commandTimeoutMs: 5000, clockOffsetMs: () => clock.aheadMs }))

    await t.test('turns are forgotten by Redis itself', async t => {
      const store = new RedisStore({ url: redis.url, prefix: 'turns' })
      const client = new Redis(redis.url)
      await store.rememberTurn('a', { tier: 'pro', tokens: 1 }, 60_000)
      const leftMs = await client.pttl('{turns}:turn:a')
      t.ok(leftMs > 0 && leftMs <= 60_000, `${leftMs}`)
      client.disconnect()
      await store.close()
    })
  })
} else {
  t.comment(withoutRedis)
}
