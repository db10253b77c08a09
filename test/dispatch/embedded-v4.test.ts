/** The whole way down: dispatch, process, host, rank threads, forward pass. The weights are random, the arithmetic is real. */
import { pino } from 'pino'
import t from 'tap'
import type { DispatchEvent, JobRequest } from '../../src/dispatch/dispatch-event.js'
import { EmbeddedWorkers } from '../../src/dispatch/embedded-workers.js'
import { HttpDispatcher } from '../../src/dispatch/http-dispatcher.js'
import { WorkerRegistry } from '../../src/dispatch/worker-registry.js'
import { writeRandomCheckpoint } from '../../workers/engines/v4/checkpoint/random-checkpoint.js'
import { answerOf, changed, idsOf } from './start-pool.js'

const directory = t.testdir()
await writeRandomCheckpoint(directory, { tier: 'flash' })
const logger = pino({ level: 'silent' })
const registry = new WorkerRegistry({ logger })
const engine = { engine: 'v4' as const, checkpointDirectory: directory, ranks: 2 }
const workers = new EmbeddedWorkers({
  registry,
  logger,
  restartMs: 1,
  workers: ['flash-0', 'flash-1'].map(workerId => ({ workerId, tier: 'flash' as const, engine }))
})
const dispatcher = new HttpDispatcher({ registry, logger })
t.teardown(async () => {
  await workers.close()
  dispatcher.close()
  registry.close()
})
await workers.whenReady()

const open = (): AbortSignal => new AbortController().signal

function requestOf (temperature: number, maxTokens: number): JobRequest {
  const tokenIds = [0, ...Array.from('The quick brown fox', character => 12 + character.charCodeAt(0))]
  return {
    requestId: `at-${temperature}`,
    tier: 'flash',
    checkpoint: 'flash-noise',
    tokenIds,
    sampling: { temperature, topP: 1, seed: 11, frequencyPenalty: 0.5, maxTokens, stopTokenIds: [] }
  }
}

await t.test('kill -9 in the middle: the resumed answer equals the uninterrupted one, greedy and sampled with a seed', async t => {
  for (const temperature of [0, 1]) {
    const request = requestOf(temperature, 60)
    const whole = await answerOf(dispatcher, request, open())
    t.equal(whole.ids.length, 60)
    const events: DispatchEvent[] = []
    let worker = ''
    for await (const event of dispatcher.generate(request, open())) {
      events.push(event)
      if (event.type === 'accepted') worker = event.workerId
      if (event.type === 'tokens' && idsOf(events).length === 20) process.kill(workers.pids().get(worker) ?? NaN, 'SIGKILL')
    }
    t.same(idsOf(events), whole.ids, `temperature ${temperature}`)
    t.same(events.at(-1), whole.events.at(-1))
  }
})

await t.test('F2 kill -9 under many greedy streams, some held to a grammar: every one equals the uninterrupted run', async t => {
  await changed(registry, () => registry.list().every(({ canServe }) => canServe))
  const constraint = { kind: 'schema' as const, schema: { type: 'array', items: { enum: ['abc', 'def'] }, minItems: 4, maxItems: 4 } }
  const requests = Array.from({ length: 16 }, (_, index): JobRequest => {
    const { tokenIds, ...request } = requestOf(0, 24)
    return { ...request, requestId: `many-${index}`, tokenIds: [...tokenIds, 40 + index], ...(index % 4 === 0 ? { constraint } : {}) }
  })
  const whole = await Promise.all(requests.map(async request => await answerOf(dispatcher, request, open())))
  let isKilled = false
  const broken = await Promise.all(requests.map(async request => {
    const events: DispatchEvent[] = []
    for await (const event of dispatcher.generate(request, open())) {
      events.push(event)
      if (isKilled || idsOf(events).length < 8) continue
      isKilled = true
      // Whichever worker is the first to be in the middle of an answer.
      const workerId = events.find(seen => seen.type === 'accepted')?.workerId ?? ''
      process.kill(workers.pids().get(workerId) ?? NaN, 'SIGKILL')
    }
    return events
  }))
  t.ok(isKilled)
  t.same(broken.map(idsOf), whole.map(({ ids }) => ids))
  const countsOf = (events: DispatchEvent[]) => events.flatMap(event => event.type === 'done' ? [event.usage?.promptTokens, event.usage?.completionTokens, event.finish] : [])
  t.same(broken.map(countsOf), whole.map(({ events }) => countsOf(events)), 'counted once')
})

await t.test('a client that leaves stops the compute, and the host answers while others compute', async t => {
  await changed(registry, () => registry.list().every(({ canServe }) => canServe))
  const others = [answerOf(dispatcher, requestOf(0, 200), open()), answerOf(dispatcher, requestOf(1, 200), open())]
  const controller = new AbortController()
  const stream = dispatcher.generate(requestOf(0, 100_000), controller.signal)
  let tokens = 0
  while (tokens < 5) {
    const { value } = await stream.next()
    if (value?.type === 'tokens') tokens += value.ids.length
  }
  for (const record of registry.list()) t.match(await record.client.readiness(), { state: 'ready' })
  controller.abort()
  await t.rejects(stream.next(), { code: 'client_closed_request' })
  for (const { ids } of await Promise.all(others)) t.equal(ids.length, 200)
  const loads = await Promise.all(registry.list().map(async ({ client }) => await client.load()))
  for (const load of loads) t.match(load, { running: 0, waiting: 0 })
  t.ok(loads.reduce((sum, { generatedTokensTotal }) => sum + (generatedTokensTotal ?? Infinity), 0) < 1500, 'nobody went on computing 100,000 tokens')
})
