/** The contract of a store of responses, run over the twins and the one in memory. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { MemoryResponses } from '../../src/stores/memory-responses.js'
import { RedisStore } from '../../src/stores/redis-store.js'
import type { ResponseLimits, ResponseStore } from '../../src/stores/response-store.js'
import { SqliteStore } from '../../src/stores/sqlite-store.js'
import { hasRedis, startRedis, withoutRedis } from './start-redis.js'

interface TravelClock {
  aheadMs: number
}
type ClosableStore = ResponseStore & { close?: () => Promise<void> }

const limits: ResponseLimits = { ttlMs: 60_000, maxCount: 3, maxBytes: 100 }
const kept = (id: string, body = `{"id":"${id}"}`, owner = 'key_1') => ({ id, owner, body })

async function contract (t: Test, open: (clock: TravelClock) => ClosableStore): Promise<void> {
  const clock: TravelClock = { aheadMs: 0 }
  const test = (name: string, body: (t: Test, store: ResponseStore) => Promise<void>): Promise<unknown> => t.test(name, async t => {
    clock.aheadMs = 0
    const store = open(clock)
    t.teardown(async () => { await store.close?.() })
    await body(t, store)
  })
  const known = async (store: ResponseStore, ids: string[], owner = 'key_1'): Promise<string[]> => {
    const found = await Promise.all(ids.map(async id => await store.findResponse(id, owner)))
    return ids.filter((_, index) => found[index] !== null)
  }

  await test('keeps a body as it is, for its owner alone, until it is forgotten', async (t, store) => {
    const body = '{"text":"käse 😀 \\u0000","n":12345678901234567890}'
    t.ok(await store.keepResponse(kept('a', body), limits))
    t.equal(await store.findResponse('a', 'key_1'), body)
    t.equal(await store.findResponse('a', 'key_2'), null)
    t.equal(await store.findResponse('a', ''), null)
    t.notOk(await store.forgetResponse('a', 'key_2'))
    t.ok(await store.forgetResponse('a', 'key_1'))
    t.notOk(await store.forgetResponse('a', 'key_1'))
    t.equal(await store.findResponse('a', 'key_1'), null)
    t.ok(await store.keepResponse(kept('b', '{}', ''), limits), 'of nobody, where no keys are asked for')
    t.equal(await store.findResponse('b', ''), '{}')
  })

  await test('kept again, the newer replaces the older', async (t, store) => {
    await store.keepResponse(kept('a'), limits)
    await store.keepResponse(kept('a', '{"second":true}'), limits)
    t.equal(await store.findResponse('a', 'key_1'), '{"second":true}')
  })

  await test('the oldest of an owner make room for the newest, by number and by size', async (t, store) => {
    await store.keepResponse(kept('other', '{}', 'key_2'), limits)
    for (const id of ['a', 'b', 'c', 'd']) {
      clock.aheadMs++
      await store.keepResponse(kept(id), limits)
    }
    t.same(await known(store, ['a', 'b', 'c', 'd']), ['b', 'c', 'd'])
    clock.aheadMs++
    t.ok(await store.keepResponse(kept('e', 'x'.repeat(90)), limits))
    t.same(await known(store, ['b', 'c', 'd', 'e']), ['d', 'e'])
    t.notOk(await store.keepResponse(kept('f', 'ä'.repeat(51)), limits), 'in bytes')
    t.same(await known(store, ['d', 'e', 'f']), ['d', 'e'], 'what cannot be kept pushes nobody out')
    clock.aheadMs++
    await store.forgetResponse('e', 'key_1')
    for (const id of ['g', 'h']) await store.keepResponse(kept(id), limits)
    t.same(await known(store, ['d', 'g', 'h']), ['d', 'g', 'h'], 'and what was forgotten counts no more')
    t.same(await known(store, ['other'], 'key_2'), ['other'])
  })

  await test('all of them go when their time is over, and leave their room', async (t, store) => {
    await store.keepResponse(kept('a', 'x'.repeat(90)), limits)
    clock.aheadMs = 59_000
    t.same(await known(store, ['a']), ['a'])
    clock.aheadMs = 61_000
    t.same(await known(store, ['a']), [])
    t.notOk(await store.forgetResponse('a', 'key_1'))
    for (const id of ['b', 'c', 'd']) await store.keepResponse(kept(id), limits)
    t.same(await known(store, ['b', 'c', 'd']), ['b', 'c', 'd'])
  })
}

await t.test('in memory', async t => {
  await contract(t, clock => new MemoryResponses(() => Date.now() + clock.aheadMs))
})

await t.test('SQLite', async t => {
  await contract(t, clock => new SqliteStore({ path: ':memory:', clock: () => Date.now() + clock.aheadMs }))

  await t.test('a restart loses nothing', async t => {
    const folder = mkdtempSync(join(tmpdir(), 'gearbox-responses-'))
    t.teardown(() => { rmSync(folder, { recursive: true }) })
    const path = join(folder, 'store.sqlite')
    const before = new SqliteStore({ path })
    await before.keepResponse(kept('a'), limits)
    await before.close()
    const after = new SqliteStore({ path })
    t.equal(await after.findResponse('a', 'key_1'), '{"id":"a"}')
    await after.close()
  })
})

if (hasRedis()) {
  await t.test('Redis', async t => {
    const redis = await startRedis()
    t.teardown(() => redis.stop())
    let opened = 0
    await contract(t, clock => new RedisStore({ url: redis.url, prefix: `responses-${opened++}`, commandTimeoutMs: 5000, clockOffsetMs: () => clock.aheadMs }))

    await t.test('a killed Redis loses nothing, and another gateway finds it', async t => {
      const one = new RedisStore({ url: redis.url, commandTimeoutMs: 5000 })
      await one.keepResponse(kept('a'), limits)
      await one.close()
      await redis.kill()
      await redis.restart()
      const other = new RedisStore({ url: redis.url, commandTimeoutMs: 5000 })
      t.equal(await other.findResponse('a', 'key_1'), '{"id":"a"}')
      await other.close()
    })
  })
} else {
  t.comment(withoutRedis)
}
