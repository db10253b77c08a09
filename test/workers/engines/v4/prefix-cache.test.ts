import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import type { JobUsage } from '../../../../workers/contract/event.js'
import { writeRandomCheckpoint } from '../../../../workers/engines/v4/checkpoint/random-checkpoint.js'
import { V4Engine } from '../../../../workers/engines/v4/v4-engine.js'

const directory = await mkdtemp(join(tmpdir(), 'gearbox-prefix-'))
await writeRandomCheckpoint(directory, { tier: 'flash' })
t.teardown(async () => { await rm(directory, { recursive: true }) })

interface Answer { ids: number[], usage: JobUsage | null }

async function answer (engine: V4Engine, tokenIds: number[], cacheSalt?: string): Promise<Answer> {
  const result: Answer = { ids: [], usage: null }
  const job = { requestId: 'r', attempt: 1, tier: 'flash' as const, checkpoint: 'flash-noise', tokenIds, sampling: { temperature: 0, topP: 1, maxTokens: 24, stopTokenIds: [] }, ...(cacheSalt === undefined ? {} : { cacheSalt }) }
  for await (const event of engine.generate(job, new AbortController().signal)) {
    if (event.type === 'tokens') result.ids.push(...event.ids)
    if (event.type === 'done') result.usage = event.usage
    if (event.type === 'fail') throw new Error(event.message)
  }
  return result
}

const firstTurn = Array.from({ length: 300 }, (_, i) => (i * 37 + 11) % 251)

for (const ranks of [1, 2]) {
  await t.test(`with ${ranks} rank(s), a turn that goes on from the cache gives the tokens of the uncached run`, async t => {
    const plain = await V4Engine.open(directory, { ranks, contextTokens: 1024, prefixCacheBytes: 0 })
    const caching = await V4Engine.open(directory, { ranks, contextTokens: 1024 })
    t.teardown(async () => { await Promise.all([plain.close(), caching.close()]) })

    const cold = await answer(plain, firstTurn)
    t.equal(cold.usage?.cachedTokens, 0)
    t.same(await answer(caching, firstTurn), cold)
    const again = await answer(caching, firstTurn)
    t.equal(again.usage?.cachedTokens, 256)
    t.same(again.ids, cold.ids)

    const nextTurn = [...firstTurn, ...cold.ids, ...firstTurn.slice(0, 130)]
    const [expected, actual] = [await answer(plain, nextTurn), await answer(caching, nextTurn)]
    t.equal(expected.usage?.cachedTokens, 0)
    t.equal(actual.usage?.cachedTokens, 256)
    t.same(actual.ids, expected.ids)
    t.equal((await answer(caching, nextTurn, 'somebody else')).usage?.cachedTokens, 0)

    const together = await Promise.all([answer(caching, nextTurn), answer(caching, firstTurn), answer(caching, firstTurn.slice(0, 140))])
    t.same(together.map(({ usage }) => usage?.cachedTokens), [384, 256, 128])
    t.same(together[0].ids, expected.ids)
    t.same(together[1].ids, cold.ids)
  })
}
