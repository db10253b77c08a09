/** What only the SQLite store promises. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'libsql'
import t, { type Test } from 'tap'
import { StoreUnavailableError } from '../../src/stores/account-store.js'
import type { LedgerEntry } from '../../src/stores/ledger-entry.js'
import { openAccountStore } from '../../src/stores/open-account-store.js'
import { SqliteStore } from '../../src/stores/sqlite-store.js'

function file (t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'gearbox-sqlite-'))
  t.teardown(() => { rmSync(folder, { recursive: true }) })
  return join(folder, 'accounts.sqlite')
}

const entry: LedgerEntry = {
  entryId: 'r1.1',
  requestId: 'request',
  attempt: 1,
  keyId: 'key_1',
  orgId: 'acme',
  tier: 'pro',
  reason: 'default',
  checkpoint: null,
  worker: null,
  promptTokens: 1,
  cachedTokens: 0,
  completionTokens: 1,
  costNanoUsd: 7,
  outcome: 'completed',
  admittedAtMs: 1,
  settledAtMs: 2
}

await t.test('the ledger cannot be rewritten, not even by hand', async t => {
  const path = file(t)
  const store = new SqliteStore({ path })
  await store.settle({ reservationId: 'r1', charges: [], entries: [entry] })
  await store.close()
  const database = new Database(path)
  t.throws(() => database.exec('update ledger set body = \'{}\''), /append-only/)
  t.throws(() => database.exec('delete from ledger'), /append-only/)
  database.close()
})

await t.test('two processes share a file; a lock that stays is "unavailable"', async t => {
  const path = file(t)
  const store = new SqliteStore({ path, busyMs: 1 })
  const other = await openAccountStore(path)
  await store.settle({ reservationId: 'r1', charges: [{ kind: 'tally', counter: 'usd', limit: null, hold: 0, real: 7, expiresAtMs: null }], entries: [entry] })
  t.same(await other.readTallies(['usd']), [{ spent: 7n, held: 0n }])
  t.equal(await other.settle({ reservationId: 'r1', charges: [], entries: [entry] }), false)

  const locker = new Database(path)
  locker.exec('begin immediate')
  await t.rejects(store.abandonExpired(), StoreUnavailableError)
  locker.exec('rollback')
  t.equal(await store.abandonExpired(), 0)
  locker.close()
  await store.close()
  await other.close()
})

await t.test('tallies are forgotten after their time, unless something is still held', async t => {
  const clock = { nowMs: 1000 }
  const store = new SqliteStore({ path: ':memory:', clock: () => clock.nowMs })
  const take = { kind: 'tally' as const, limit: null, need: 1, hold: 1, expiresAtMs: 2000 }
  await store.reserve({ reservationId: 'r1', takes: [{ ...take, counter: 'held' }], ttlMs: 60_000, abandonedEntry: entry })
  await store.settle({ reservationId: 'r0', charges: [{ kind: 'tally', counter: 'old', limit: null, hold: 0, real: 1, expiresAtMs: 2000 }], entries: [{ ...entry, entryId: 'r0.1' }] })
  clock.nowMs = 2000
  await store.abandonExpired()
  t.same([...(await store.listTallies('')).keys()], ['held'])
  await store.close()
})

await t.test('turns are forgotten after their time, and leave the file', async t => {
  const clock = { nowMs: 1000 }
  const path = file(t)
  const store = new SqliteStore({ path, clock: () => clock.nowMs })
  await store.rememberTurn('short', { tier: 'pro', tokens: 5 }, 100)
  await store.rememberTurn('long', { tier: 'flash', tokens: 6 }, 1000)
  clock.nowMs = 1100
  t.same(await store.findTurn(['short', 'long']), { tier: 'flash', tokens: 6 })
  await store.abandonExpired()
  await store.close()
  const database = new Database(path)
  t.same(database.prepare('select hash from turns').pluck().all(), ['long'])
  database.close()
})
