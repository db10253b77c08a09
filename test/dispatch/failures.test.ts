/**
 * The failure catalogue, row by row, on simulated workers behind real sockets: what the client saw, and what the gateway did.
 * Rows that need a process to die or stop are in failures-of-processes.test.ts; F9 is in ../contract/tool-failures.test.ts.
 */
import t from 'tap'
import type { DispatchEvent, JobRequest } from '../../src/dispatch/dispatch-event.js'
import type { HttpDispatcher } from '../../src/dispatch/http-dispatcher.js'
import { SimulatorEngine, type SimulatorOptions } from '../../workers/engines/simulator/simulator-engine.js'
import type { SimulatorFault } from '../../workers/engines/simulator/simulator-script.js'
import { ManualClock } from './manual-clock.js'
import { answerOf, idsOf, makeRequest, never, startPool, until, type StartedPool } from './start-pool.js'

const faulty = (...faults: SimulatorFault[]): SimulatorEngine => new SimulatorEngine({ faults })

/** Says the numbers 1000, 1001, …: no sign of corruption. */
const counting: SimulatorOptions['answer'] = job => Array.from({ length: job.sampling.maxTokens + (job.resumedFrom ?? 0) }, (_, index) => 1000 + index)

async function uninterrupted (t: Parameters<typeof startPool>[0], request = makeRequest()): Promise<number[]> {
  const { dispatcher } = await startPool(t, [new SimulatorEngine()])
  return (await answerOf(dispatcher, request)).ids
}

/** One stream, and what a test does as its events come. */
async function read (dispatcher: HttpDispatcher, request: JobRequest, seen: (events: DispatchEvent[]) => void): Promise<DispatchEvent[]> {
  const events: DispatchEvent[] = []
  for await (const event of dispatcher.generate(request, never)) {
    events.push(event)
    seen(events)
  }
  return events
}

const workerOf = ({ events }: { events: DispatchEvent[] }): string | undefined => events.flatMap(event => event.type === 'accepted' ? [event.workerId] : []).at(-1)
const stateOf = ({ registry }: StartedPool, workerId: string) => registry.list().find(record => record.workerId === workerId)

await t.test('F1 an engine that hangs: every stream goes on elsewhere, and the worker is ejected within the stall limit', async t => {
  const clock = new ManualClock()
  const hanging = faulty({ kind: 'hang', afterTokens: 3 })
  const pool = await startPool(t, [hanging, new SimulatorEngine()], { clock, watchdogs: { silenceMs: 3_600_000, stallMs: 30_000 }, maxJobsPerWorker: 2 })
  const ejected: string[] = []
  pool.registry.onEject(({ workerId }) => ejected.push(workerId))
  const whole = await uninterrupted(t)
  const received = new Map<string, number>()
  let finished = 0
  const streams = ['a', 'b', 'c', 'd'].map(async requestId => await read(pool.dispatcher, makeRequest({ requestId }), events => {
    if (workerOf({ events }) === 'w0') received.set(requestId, idsOf(events).length)
    if (events.at(-1)?.type === 'done') finished += 1
  }))
  const allSilent = (): boolean => finished === 2 && [...received.values()].includes(3) && [...received.values()].reduce((sum, count) => sum + count) === hanging.load().generatedTokensTotal
  await until(allSilent)
  await pool.registry.probe('w0')
  await until(allSilent)
  clock.advance(29_000)
  t.same(ejected, [])
  // Streams of w0 that had not begun when it hung have the floor of the first token's limit, which is as long.
  clock.advance(30_000)
  for (const events of await Promise.all(streams)) {
    t.same(idsOf(events), whole)
    t.match(events.at(-1), { type: 'done', usage: { promptTokens: 3, completionTokens: 20 } })
  }
  t.same(ejected, ['w0'])
  t.equal(workerOf(await answerOf(pool.dispatcher)), 'w1', 'nothing new is sent to it')
})

await t.test('F2 a dead rank is a dead group: all its streams go on elsewhere', async t => {
  const pool = await startPool(t, [faulty({ kind: 'die', afterTokens: 5 }), new SimulatorEngine()])
  const whole = await uninterrupted(t)
  const answers = await Promise.all(['a', 'b', 'c'].map(async requestId => await answerOf(pool.dispatcher, makeRequest({ requestId }))))
  for (const { ids } of answers) t.same(ids, whole)
  await pool.registry.probe('w0')
  t.match(stateOf(pool, 'w0'), { state: 'draining', stateReason: 'its engine failed' })
})

await t.test('F3 a dead engine behind living HTTP', async t => {
  await t.test('errors: the breaker opens, lets one job try after a while, and closes after two that succeed', async t => {
    let isBroken = true
    const sick = new SimulatorEngine({
      answer: job => {
        if (isBroken) throw new Error('EngineDeadError at /opt/engine')
        return Array.from({ length: job.sampling.maxTokens }, (_, index) => 300 + index)
      }
    })
    const pool = await startPool(t, [sick, new SimulatorEngine()], { maxJobsPerWorker: 2 })
    const record = stateOf(pool, 'w0')
    const several = async (): Promise<Array<string | undefined>> => await Promise.all(['a', 'b', 'c', 'd', 'e', 'f'].map(async requestId => workerOf(await answerOf(pool.dispatcher, makeRequest({ requestId })))))
    t.same(new Set(await several()), new Set(['w1']), 'all are answered')
    t.equal(record?.breaker.state, 'open')
    isBroken = false
    pool.registryClock.advance(29_000)
    await pool.registry.probe('w0')
    t.same(new Set(await several()), new Set(['w1']))
    pool.registryClock.advance(2000)
    await pool.registry.probe('w0')
    t.equal(record?.breaker.state, 'half-open')
    t.ok((await several()).includes('w0'))
    await several()
    t.equal(record?.breaker.state, 'closed')
  })

  await t.test('the last half of a pool is never taken out', async t => {
    const pool = await startPool(t, [faulty({ kind: 'fail', afterTokens: 0 })], { retries: { maxAttempts: 6 } })
    await t.rejects(answerOf(pool.dispatcher), { code: 'worker_failed', message: 'worker w0 failed while it computed the answer' })
    t.match(stateOf(pool, 'w0'), { state: 'degraded', canServe: true })
  })

  await t.test('accepted and hung: repeated elsewhere when the first token is late', async t => {
    const clock = new ManualClock()
    const pool = await startPool(t, [faulty({ kind: 'stall', afterTokens: 0 }), new SimulatorEngine()], { clock })
    const events = await read(pool.dispatcher, makeRequest(), events => { if (events.length === 1) setImmediate(() => clock.advance(31_000)) })
    t.same(idsOf(events), await uninterrupted(t))
    t.equal(workerOf({ events }), 'w1')
  })
})

await t.test('F5 a prompt that kills engines', async t => {
  const deadly = (): SimulatorEngine => faulty({ kind: 'die', afterTokens: 0 })

  await t.test('is given to two of them and no third, nor again a moment later', async t => {
    const clock = new ManualClock()
    const engines = [deadly(), deadly(), new SimulatorEngine()]
    const { dispatcher } = await startPool(t, engines, { clock })
    const request = makeRequest({ tokenIds: [4, 5, 6, 7] })
    await t.rejects(answerOf(dispatcher, request), { code: 'internal_error', isRetryable: false, message: /2 workers died/ })
    await t.rejects(answerOf(dispatcher, { ...request, requestId: 'again' }), { code: 'internal_error', message: /a short while ago/ })
    t.equal(engines[2]?.load().promptTokensTotal, 0)
    t.equal(workerOf(await answerOf(dispatcher, makeRequest({ tokenIds: [9, 9] }))), 'w2', 'other prompts are not concerned')
    clock.advance(600_000)
    t.equal(workerOf(await answerOf(dispatcher, request)), 'w2', 'nor this one for ever')
  })

  await t.test('a very long one is suspected at once', async t => {
    const engines = [deadly(), new SimulatorEngine()]
    const { dispatcher } = await startPool(t, engines)
    await t.rejects(answerOf(dispatcher, makeRequest({ tokenIds: new Array<number>(262_145).fill(9) })), { code: 'internal_error', message: /a worker died/ })
    t.equal(engines[1]?.load().promptTokensTotal, 0)
  })
})

await t.test('F6 and F11 corrupt text with a good status: the worker is quarantined by comparison with its peers', async t => {
  const corrupt = new SimulatorEngine({ answer: counting, faults: [{ kind: 'garbage', afterTokens: 4 }] })
  const sound = new SimulatorEngine({ answer: counting })
  const pool = await startPool(t, [corrupt, sound], { maxJobsPerWorker: 1 })
  const ejected: string[] = []
  pool.registry.onEject(({ workerId }) => ejected.push(workerId))
  const long = makeRequest()
  long.sampling = { ...long.sampling, maxTokens: 60 }
  const both = async ({ dispatcher }: StartedPool): Promise<Array<string | undefined>> => await Promise.all(['a', 'b'].map(async requestId => workerOf(await answerOf(dispatcher, { ...long, requestId }))))
  let answers = 0
  for (let round = 0; round < 60 && ejected.length === 0; round++) answers += (await both(pool)).filter(workerId => workerId === 'w0').length
  t.same(ejected, ['w0'])
  t.match(stateOf(pool, 'w0'), { state: 'quarantined', stateReason: /look corrupt, unlike its peers'/ })
  t.ok(answers >= 20, 'a few odd answers are not enough')
  t.equal(workerOf(await answerOf(pool.dispatcher, long)), 'w1')

  const repeats = (): SimulatorEngine => new SimulatorEngine({ answer: () => new Array<number>(60).fill(8) })
  const alike = await startPool(t, [repeats(), repeats()], { maxJobsPerWorker: 1 })
  for (let round = 0; round < 25; round++) await both(alike)
  t.same(alike.registry.list().map(({ state }) => state), ['serving', 'serving'], 'what all do is the model')
})

await t.test('F7 one stream falls silent while others move: it alone goes on elsewhere', async t => {
  const clock = new ManualClock()
  const stalls = new SimulatorEngine({ faults: [{ kind: 'stall', afterTokens: 6, onAttempt: 1 }] })
  const pool = await startPool(t, [stalls, new SimulatorEngine()], { clock, watchdogs: { silenceMs: 5000 } })
  const events = await read(pool.dispatcher, makeRequest(), events => { if (idsOf(events).length === 6) setImmediate(() => clock.advance(5000)) })
  t.same(idsOf(events), await uninterrupted(t))
  await pool.hosts[0]?.host.jobs.whenEmpty()
  t.equal(stateOf(pool, 'w0')?.breaker.state, 'closed')
})

await t.test('F8 an engine that does not bear aborts', async t => {
  const leave = async ({ dispatcher }: StartedPool): Promise<void> => {
    const stream = dispatcher.generate(makeRequest(), never)
    for (let count = 0; count < 4; count++) await stream.next()
    await stream.return()
  }
  const fault: SimulatorFault = { kind: 'abort-kills', afterTokens: 0 }
  const timing = { decodeMs: 2 }

  await t.test('dies when it is said to be safe', async t => {
    const pool = await startPool(t, [new SimulatorEngine({ timing, faults: [fault] })])
    await leave(pool)
    await pool.hosts[0]?.host.jobs.whenEmpty()
    await until(() => pool.hosts[0]?.host.state === 'failed')
  })

  await t.test('runs the answer to its end for nobody when it is said to drain', async t => {
    const engine = new SimulatorEngine({ timing, faults: [fault], abort: 'drain' })
    const pool = await startPool(t, [engine])
    await leave(pool)
    await pool.hosts[0]?.host.jobs.whenEmpty()
    t.equal(pool.hosts[0]?.host.state, 'ready')
    t.equal(engine.load().generatedTokensTotal, 20)
    t.equal((await answerOf(pool.dispatcher)).ids.length, 20)
  })
})

await t.test('F12 a pool that is full: jobs are shed here, with the time to come back', async t => {
  const full: SimulatorFault = { kind: 'fail', afterTokens: 0, event: { code: 'queue-full', message: 'waiting: 512', blame: 'worker', retryable: true } }
  const pool = await startPool(t, [faulty(full), faulty(full)])
  await t.rejects(answerOf(pool.dispatcher), { code: 'no_worker_available', retryAfterMs: 1000, message: /takes no more requests now/ })
  t.same(pool.registry.list().map(({ state }) => state), ['serving', 'serving'], 'a full house is no illness')
})

await t.test('F14 probes are few: one a second, one at a time, and never a generation', async t => {
  const engine = new SimulatorEngine()
  const pool = await startPool(t, [engine])
  const before = engine.load()
  for (let second = 0; second < 5; second++) {
    pool.registryClock.advance(1000)
    await pool.registry.probe('w0')
  }
  t.same(engine.load(), before)
  t.ok(pool.registryClock.pending.length <= 2)
})

await t.test('retries of whole answers are a share of the requests; what a dead worker lost is not counted', async t => {
  const failing = (): SimulatorEngine => faulty({ kind: 'fail', afterTokens: 0, onAttempt: 1 })
  const pool = await startPool(t, [failing(), failing()], { retryBudget: { share: 0.1, reserve: 2 } })
  const outcomes = await Promise.all(Array.from({ length: 6 }, async (_, index) => await answerOf(pool.dispatcher, makeRequest({ requestId: `r${index}` })).then(() => 'answered', () => 'failed')))
  t.equal(outcomes.filter(outcome => outcome === 'answered').length, 2)
  const dying = await startPool(t, [faulty({ kind: 'cut', afterTokens: 0 }), new SimulatorEngine()], { retryBudget: { share: 0, reserve: 0 } })
  t.equal((await answerOf(dying.dispatcher)).ids.length, 20)
})

await t.test('a constrained answer goes on where the grammar can be replayed, and ends in an error elsewhere', async t => {
  const constrained = makeRequest({ constraint: { kind: 'json' } })
  const able: SimulatorOptions = { constraints: ['json'], constrainedResume: true }
  const { dispatcher } = await startPool(t, [new SimulatorEngine({ ...able, faults: [{ kind: 'cut', afterTokens: 5 }] }), new SimulatorEngine(able)])
  t.same((await answerOf(dispatcher, constrained)).ids, await uninterrupted(t))
  const unable: SimulatorOptions = { constraints: ['json'] }
  const engines = [new SimulatorEngine({ ...unable, faults: [{ kind: 'cut', afterTokens: 5 }] }), new SimulatorEngine(unable)]
  const other = await startPool(t, engines)
  await t.rejects(answerOf(other.dispatcher, constrained), { code: 'worker_stream_broken' })
  t.equal(engines[1]?.load().promptTokensTotal, 0)
})
