import t from 'tap'
import { Router, type Assignment, type JobOrder } from '../../src/dispatch/router.js'
import { WaitingLine, type PlaceInLine } from '../../src/dispatch/waiting-line.js'
import { WorkerRegistry } from '../../src/dispatch/worker-registry.js'
import { SimulatorEngine } from '../../workers/engines/simulator/simulator-engine.js'
import { ManualClock } from './manual-clock.js'
import { addWorker, logger, never } from './start-pool.js'

interface Line {
  line: WaitingLine
  clock: ManualClock
  registry: WorkerRegistry
}

/** One worker that takes one job at a time. */
async function startLine (t: { after (callback: () => Promise<void>): void }, maxWaiting = 20): Promise<Line> {
  const clock = new ManualClock()
  const registry = new WorkerRegistry({ logger, clock })
  await addWorker(t, registry, new SimulatorEngine(), 'w0')
  const line = new WaitingLine({ registry, clock, maxWaiting, maxWaitMs: 60_000, router: new Router({ registry, clock, random: () => 0, maxJobsPerWorker: 1 }) })
  t.after(async () => {
    line.close()
    registry.close()
  })
  return { line, clock, registry }
}

function order (rest: Partial<JobOrder> = {}): JobOrder {
  return { tier: 'flash', checkpoint: 'simulated', tokenIds: [1, 2, 3], promptTokens: 1000, maxTokens: 100, isResume: false, tried: new Set(), ...rest }
}

function complete ({ job, release }: Assignment): void {
  job.note({ type: 'accepted', cachedTokens: 0 })
  release()
}

/** Asks for all of them while the worker is busy, then serves one after the other. @returns the names in the order of their turns */
async function turns ({ line }: Line, orders: Array<[name: string, JobOrder]>): Promise<string> {
  let running = await line.acquire(order({ owner: 'first' }), never)
  const served: string[] = []
  const all = orders.map(async ([name, each]) => {
    const assignment = await line.acquire(each, never)
    served.push(name)
    running = assignment
  })
  for (const [position] of orders.entries()) {
    complete(running)
    await new Promise(resolve => setImmediate(resolve))
    if (served.length !== position + 1) throw new Error(`${served.length} served instead of ${position + 1}`)
  }
  await Promise.all(all)
  complete(running)
  return served.join('')
}

await t.test('keys take turns by tokens, however many jobs they have in line', async t => {
  const of = (owner: string): [string, JobOrder] => [owner, order({ owner })]
  t.equal(await turns(await startLine(t), [of('a'), of('a'), of('a'), of('a'), of('b'), of('b')]), 'ababaa')
})

await t.test('higher priority goes first', async t => {
  const of = (name: string, priority: number): [string, JobOrder] => [name, order({ owner: name, priority })]
  t.equal(await turns(await startLine(t), [of('b', -100), of('u', 0), of('h', 10)]), 'hub')
})

await t.test('who comes later does not pass those who wait', async t => {
  const { line } = await startLine(t)
  const first = await line.acquire(order(), never)
  const served: string[] = []
  const waiting = line.acquire(order({ owner: 'a' }), never).then(assignment => {
    served.push('a')
    complete(assignment)
  })
  complete(first)
  const late = line.acquire(order({ owner: 'b' }), never).then(assignment => {
    served.push('b')
    complete(assignment)
  })
  await Promise.all([waiting, late])
  t.same(served, ['a', 'b'])
  t.equal(line.waiting('flash'), 0)
})

await t.test('everybody is told the place in line, and when it changes', async t => {
  const { line } = await startLine(t)
  const first = await line.acquire(order(), never)
  const places: Record<string, PlaceInLine[]> = { a: [], b: [] }
  const leaving = new AbortController()
  const a = line.acquire(order({ owner: 'a' }), leaving.signal, place => places['a']?.push(place))
  const b = line.acquire(order({ owner: 'b' }), never, place => places['b']?.push(place))
  t.match(places, { a: [{ position: 1, waiting: 1, reason: 'busy' }, { position: 1, waiting: 2 }], b: [{ position: 2, waiting: 2 }] })
  leaving.abort(new Error('gone'))
  await t.rejects(a, /gone/)
  t.match(places['b']?.at(-1), { position: 1, waiting: 1 })
  complete(first)
  complete(await b)
})

await t.test('a refusal says why, the place, and when to come back', async t => {
  const { line, clock } = await startLine(t, 1)
  const first = await line.acquire(order(), never)
  const waiting = line.acquire(order({ promptTokens: 8000 }), never)
  await t.rejects(line.acquire(order(), never), { code: 'no_worker_available', message: /busy; 1 requests wait already; w0 is serving/, retryAfterMs: 8000 })
  clock.advance(60_000)
  await t.rejects(waiting, { code: 'no_worker_available', message: /waited 60000 ms, position 1 of 1/ })
  complete(first)
})
