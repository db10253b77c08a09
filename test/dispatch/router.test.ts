import t from 'tap'
import { Router, type Assignment, type JobOrder } from '../../src/dispatch/router.js'
import { WorkerRegistry } from '../../src/dispatch/worker-registry.js'
import { SimulatorEngine } from '../../workers/engines/simulator/simulator-engine.js'
import { ManualClock } from './manual-clock.js'
import { addWorker, logger } from './start-pool.js'

interface Pool {
  router: Router
  clock: ManualClock
  registry: WorkerRegistry
}

async function startRouter (t: { after (callback: () => Promise<void>): void }, workers: number, random = (): number => 0): Promise<Pool> {
  const clock = new ManualClock()
  const registry = new WorkerRegistry({ logger, clock })
  t.after(async () => { registry.close() })
  for (let index = 0; index < workers; index++) await addWorker(t, registry, new SimulatorEngine(), `w${index}`)
  return { registry, clock, router: new Router({ registry, clock, random, maxJobsPerWorker: 64 }) }
}

const prompt = (seed: number, tokens: number): number[] => Array.from({ length: tokens }, (_, position) => (seed * 7919 + position) % 50_000)

function order (tokenIds: number[], rest: Partial<JobOrder> = {}): JobOrder {
  return { tier: 'flash', checkpoint: 'simulated', tokenIds, promptTokens: tokenIds.length, maxTokens: 100, isResume: false, tried: new Set(), ...rest }
}

function place ({ router }: Pool, job: JobOrder): Assignment {
  const assignment = router.place(router.prepare(job))
  if (typeof assignment === 'string') throw new Error(assignment)
  return assignment
}

/** The worker computes it and answers. */
function run ({ clock }: Pool, { job }: Assignment, { cachedTokens, seconds = 0.1, ids = [] }: { cachedTokens: number | null, seconds?: number, ids?: number[] }): void {
  job.note({ type: 'accepted', cachedTokens })
  clock.advance(seconds * 1000)
  for (const id of [1, ...ids]) {
    job.note({ type: 'tokens', ids: [id] })
    clock.advance(20)
  }
  job.note({ type: 'done', finish: 'stop', stopTokenId: 1, usage: { promptTokens: 0, completionTokens: ids.length + 1, cachedTokens } })
  job.end()
}

await t.test('a conversation returns to the worker that has its prefix, answer included', async t => {
  const pool = await startRouter(t, 3, Math.random)
  const first = place(pool, order(prompt(1, 1000)))
  const answer = prompt(2, 600)
  run(pool, first, { cachedTokens: 0, ids: answer })
  const next = place(pool, order([...prompt(1, 1000), 1, ...answer, ...prompt(3, 50)]))
  t.equal(next.worker, first.worker)
  t.equal(next.reason, 'cached-prefix')
  t.equal(next.expectedCachedTokens, Math.floor(1601 / 128) * 128)
})

await t.test('the second of two that come at once is already expected to hit', async t => {
  const pool = await startRouter(t, 2, Math.random)
  const first = place(pool, order(prompt(1, 2000)))
  t.equal(place(pool, order(prompt(1, 2000))).worker, first.worker)
})

await t.test('nobody is sent to another\'s prefix', async t => {
  const pool = await startRouter(t, 1)
  run(pool, place(pool, order(prompt(1, 1000), { cacheSalt: 'one' })), { cachedTokens: 0 })
  t.equal(place(pool, order(prompt(1, 1000), { cacheSalt: 'two' })).expectedCachedTokens, 0)
  t.ok(place(pool, order(prompt(1, 1000), { cacheSalt: 'one' })).expectedCachedTokens > 0)
})

await t.test('a cache that never hits loses its pull', async t => {
  const pool = await startRouter(t, 1)
  for (let job = 0; job < 40; job++) run(pool, place(pool, order(prompt(1, 2000))), { cachedTokens: 0 })
  t.ok(place(pool, order(prompt(1, 2000))).expectedCachedTokens < 200)
})

await t.test('a restarted worker is expected to hold nothing', async t => {
  const pool = await startRouter(t, 1)
  run(pool, place(pool, order(prompt(1, 2000))), { cachedTokens: 0 })
  await addWorker(t, pool.registry, new SimulatorEngine(), 'w0')
  t.equal(place(pool, order(prompt(1, 2000))).expectedCachedTokens, 0)
})

await t.test('a session stays on its worker although nothing is shared', async t => {
  const pool = await startRouter(t, 4, Math.random)
  const first = place(pool, order(prompt(1, 50), { session: 's' }))
  for (let turn = 2; turn < 10; turn++) t.equal(place(pool, order(prompt(turn, 50), { session: 's' })).worker, first.worker)
})

await t.test('rates are learned from what was ahead and what was computed', async t => {
  const pool = await startRouter(t, 1)
  const [one, two] = [place(pool, order(prompt(1, 10_000))), place(pool, order(prompt(2, 5000)))]
  const { rates } = one.worker
  run(pool, one, { cachedTokens: 0, seconds: 1, ids: Array.from({ length: 9 }, () => 1) })
  t.ok(Math.abs(rates.prefillTokensPerSecond - 10_000) < 1)
  t.ok(Math.abs(rates.stepSeconds(2) - 0.02) < 1e-9)
  run(pool, two, { cachedTokens: 0, seconds: 0.3 })
  t.ok(Math.abs(rates.prefillTokensPerSecond - 10_000) < 1, '15,000 tokens in 1.5 s')
})

await t.test('jobs are spread by work, and long prompts keep to themselves', async t => {
  const pool = await startRouter(t, 2)
  const long = place(pool, order(prompt(1, 80_000), { maxTokens: 1 }))
  const shorts = [1, 2, 3, 4].map(seed => place(pool, order(prompt(10 + seed, 1000), { maxTokens: 1 })))
  t.ok(shorts.every(({ worker }) => worker !== long.worker))
  const second = place(pool, order(prompt(2, 90_000), { maxTokens: 1 }))
  t.equal(second.worker, long.worker, 'the other worker is kept for short prompts')
  long.job.note({ type: 'tokens', ids: [1] })
  second.job.note({ type: 'tokens', ids: [1] })
  t.same(long.worker.longPrefills, { L: 0, XL: 0 })
})
