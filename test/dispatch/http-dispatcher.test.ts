import t from 'tap'
import type { GatewayError } from '../../src/errors.js'
import type { DispatchEvent } from '../../src/dispatch/dispatch-event.js'
import type { Engine } from '../../workers/engines/engine.js'
import { SimulatorEngine, type SimulatorOptions } from '../../workers/engines/simulator/simulator-engine.js'
import type { SimulatorFault } from '../../workers/engines/simulator/simulator-script.js'
import { ManualClock } from './manual-clock.js'
import { addWorker, answerOf, idsOf, makeRequest, startPool, until } from './start-pool.js'

const faulty = (...faults: SimulatorFault[]): SimulatorEngine => new SimulatorEngine({ faults })
const slow: SimulatorOptions = { timing: { decodeMs: 1 } }

/** What the same request gets when nothing goes wrong. */
async function uninterrupted (t: Parameters<typeof startPool>[0]): Promise<number[]> {
  const { dispatcher } = await startPool(t, [new SimulatorEngine()])
  return (await answerOf(dispatcher)).ids
}

await t.test('a job runs on a worker, and the answer names it', async t => {
  const { dispatcher } = await startPool(t, [new SimulatorEngine()])
  const { events, ids } = await answerOf(dispatcher)
  t.match(events[0], { type: 'accepted', workerId: 'w0', checkpoint: 'simulated', cachedTokens: 0, queueMs: Number })
  t.equal(ids.length, 20)
  t.match(events.at(-1), { type: 'done', finish: 'length', usage: { promptTokens: 3, completionTokens: 20 } })
})

await t.test('jobs at the same time go to different workers, counted when they are sent', async t => {
  const { dispatcher } = await startPool(t, [new SimulatorEngine(), new SimulatorEngine()])
  const answers = await Promise.all([answerOf(dispatcher), answerOf(dispatcher)])
  t.same(answers.map(({ events }) => events[0]?.type === 'accepted' && events[0].workerId).sort(), ['w0', 'w1'])
})

await t.test('before the first token, a failed attempt is repeated on another worker', async t => {
  const whole = await uninterrupted(t)
  for (const kind of ['cut', 'die', 'fail'] as const) {
    const engines = [faulty({ kind, afterTokens: 0 }), new SimulatorEngine()]
    const { dispatcher } = await startPool(t, engines)
    const { events, ids } = await answerOf(dispatcher)
    t.same(ids, whole, kind)
    t.same(events.flatMap(event => event.type === 'accepted' ? [event.workerId] : []), ['w0', 'w1'])
    t.match(events.at(-1), { usage: { promptTokens: 3, completionTokens: 20 } })
    t.equal(engines[0]?.load().generatedTokensTotal, 0)
  }
})

await t.test('a worker that is not there any more is passed over', async t => {
  const { dispatcher, registry, hosts } = await startPool(t, [new SimulatorEngine(), new SimulatorEngine()])
  await hosts[0]?.host.drain(0)
  t.equal(registry.list()[0]?.state, 'serving', 'the registry does not know yet')
  const { events } = await answerOf(dispatcher)
  t.match(events[0], { workerId: 'w1' })
  t.equal(registry.list()[0]?.state, 'draining')
})

await t.test('the only worker is tried again after it has answered a probe', async t => {
  const { dispatcher } = await startPool(t, [faulty({ kind: 'cut', afterTokens: 0, onAttempt: 1 })])
  t.same((await answerOf(dispatcher)).ids, await uninterrupted(t))
})

await t.test('after the first token the answer is resumed, identical and counted once', async t => {
  const whole = await uninterrupted(t)
  for (const kind of ['cut', 'die', 'fail'] as const) {
    for (const afterTokens of [1, 7, 19, 20]) {
      const engines = [faulty({ kind, afterTokens }), new SimulatorEngine()]
      const { dispatcher } = await startPool(t, engines)
      const { events, ids } = await answerOf(dispatcher)
      t.same(ids, whole, `${kind} after ${afterTokens}`)
      t.match(events.at(-1), { type: 'done', finish: 'length', usage: { promptTokens: 3, completionTokens: 20, cachedTokens: 0 } })
      t.equal(events.filter(({ type }) => type === 'accepted').length, 1)
      t.equal(engines[1]?.load().generatedTokensTotal, 20 - afterTokens, 'no token was computed twice')
    }
  }
})

await t.test('without resume, nothing is tried after the first token', async t => {
  const engines = [new SimulatorEngine({ resume: false, faults: [{ kind: 'cut', afterTokens: 3 }] }), new SimulatorEngine({ resume: false })]
  const { dispatcher } = await startPool(t, engines)
  const events: DispatchEvent[] = []
  await t.rejects(async () => { for await (const event of dispatcher.generate(makeRequest(), new AbortController().signal)) events.push(event) }, { code: 'worker_stream_broken' })
  t.equal(idsOf(events).length, 3)
  t.equal(engines[1]?.load().promptTokensTotal, 0)
})

await t.test('a worker that drains hands its unfinished streams over', async t => {
  const { dispatcher, hosts } = await startPool(t, [new SimulatorEngine(slow), new SimulatorEngine()])
  const events: DispatchEvent[] = []
  for await (const event of dispatcher.generate(makeRequest(), new AbortController().signal)) {
    events.push(event)
    if (idsOf(events).length === 5) hosts[0]?.host.drain(0).catch(t.error)
  }
  t.same(idsOf(events), await uninterrupted(t))
})

await t.test('watchdogs', async t => {
  await t.test('a stream that falls silent is resumed elsewhere when the watchdog bites', async t => {
    const clock = new ManualClock()
    const { dispatcher, hosts } = await startPool(t, [faulty({ kind: 'stall', afterTokens: 2 }), new SimulatorEngine()], { clock, watchdogs: { silenceMs: 5000 } })
    const events: DispatchEvent[] = []
    for await (const event of dispatcher.generate(makeRequest(), new AbortController().signal)) {
      events.push(event)
      if (idsOf(events).length === 2) setImmediate(() => clock.advance(5000))
    }
    t.same(idsOf(events), await uninterrupted(t))
    await hosts[0]?.host.jobs.whenEmpty()
  })

  await t.test('one that never begins is repeated elsewhere', async t => {
    const clock = new ManualClock()
    const { dispatcher } = await startPool(t, [faulty({ kind: 'stall', afterTokens: 0 }), new SimulatorEngine()], { clock })
    const events: DispatchEvent[] = []
    for await (const event of dispatcher.generate(makeRequest(), new AbortController().signal)) {
      events.push(event)
      if (events.length === 1) setImmediate(() => clock.advance(30_000))
    }
    t.same(idsOf(events), await uninterrupted(t))
  })

  await t.test('a slow reader does not provoke them', async t => {
    const clock = new ManualClock()
    const { dispatcher } = await startPool(t, [new SimulatorEngine()], { clock, watchdogs: { silenceMs: 5 } })
    const events: DispatchEvent[] = []
    for await (const event of dispatcher.generate(makeRequest(), new AbortController().signal)) {
      events.push(event)
      clock.advance(1_000_000)
    }
    t.equal(idsOf(events).length, 20)
  })
})

await t.test('a job that two workers die of is not given to a third', async t => {
  const deadly = [faulty({ kind: 'die', afterTokens: 2 }), faulty({ kind: 'die', afterTokens: 2 }), new SimulatorEngine()]
  const { dispatcher } = await startPool(t, deadly)
  await t.rejects(answerOf(dispatcher), { code: 'internal_error', message: /2 workers died/ })
  t.equal(deadly[2]?.load().promptTokensTotal, 0)
})

await t.test('what the request did wrong is not tried elsewhere', async t => {
  const event = { code: 'odd-value', message: 'sampling.topK is odd', blame: 'request' as const, retryable: false }
  const engines = [faulty({ kind: 'fail', afterTokens: 0, event }), new SimulatorEngine()]
  const { dispatcher, registry } = await startPool(t, engines)
  await t.rejects(answerOf(dispatcher), { code: 'invalid_value', message: 'sampling.topK is odd' })
  t.equal(engines[1]?.load().promptTokensTotal, 0)
  t.equal(registry.list()[0]?.state, 'serving')
})

await t.test('a prompt that no worker can hold is refused without asking one', async t => {
  const { dispatcher } = await startPool(t, [new SimulatorEngine({ contextTokens: 3 })])
  await t.rejects(answerOf(dispatcher), { code: 'context_length_exceeded', message: /maximum context length is 3 tokens/ })
})

await t.test('waiting for a worker', async t => {
  await t.test('a tier without workers refuses at once', async t => {
    const { dispatcher } = await startPool(t, [])
    await t.rejects(answerOf(dispatcher), { code: 'no_worker_available', message: /no worker of tier flash is configured/ })
  })

  await t.test('jobs wait for a worker that starts, and say how long', async t => {
    let finish = (_engine: Engine): void => {}
    const clock = new ManualClock()
    const { dispatcher, registry } = await startPool(t, [new Promise<Engine>(resolve => { finish = resolve })], { clock })
    const answers = [answerOf(dispatcher), answerOf(dispatcher)]
    await until(() => dispatcher.waiting('flash') === 2)
    clock.advance(1234)
    finish(new SimulatorEngine())
    await registry.probe('w0')
    for (const { events, ids } of await Promise.all(answers)) {
      t.match(events[0], { type: 'accepted', queueMs: 1234 })
      t.equal(ids.length, 20)
    }
    t.equal(dispatcher.waiting('flash'), 0)
  })

  await t.test('the wait is bounded in time and number, and the refusal says why', async t => {
    const clock = new ManualClock()
    const { dispatcher } = await startPool(t, [new Promise<Engine>(() => {})], { clock, maxWaiting: 1, maxWaitMs: 9000 })
    const [first, second] = [answerOf(dispatcher), answerOf(dispatcher)]
    await until(() => dispatcher.waiting('flash') > 0)
    await t.rejects(second, { code: 'no_worker_available', message: /1 requests wait already/ })
    clock.advance(9000)
    const error = await first.catch((thrown: unknown) => thrown) as GatewayError
    t.match(error, { code: 'no_worker_available', retryAfterMs: 5000, message: /starting; waited 9000 ms, position 1 of 1; w0 is starting: the engine is loading/ })
  })

  await t.test('a full house makes jobs wait their turn', async t => {
    const { dispatcher } = await startPool(t, [new SimulatorEngine(slow)], { maxJobsPerWorker: 1 })
    const order: string[] = []
    await Promise.all(['a', 'b', 'c'].map(async requestId => {
      await answerOf(dispatcher, makeRequest({ requestId }))
      order.push(requestId)
    }))
    t.same(order, ['a', 'b', 'c'])
  })

  await t.test('who leaves the line is forgotten', async t => {
    const { dispatcher, registry } = await startPool(t, [new Promise<Engine>(() => {})])
    const controller = new AbortController()
    const answer = answerOf(dispatcher, makeRequest(), controller.signal)
    await until(() => dispatcher.waiting('flash') === 1)
    controller.abort()
    await t.rejects(answer, { code: 'client_closed_request' })
    t.equal(dispatcher.waiting('flash'), 0)
    const late = new SimulatorEngine()
    await addWorker(t, registry, late, 'w1')
    t.equal(late.load().promptTokensTotal, 0)
  })
})

await t.test('leaving', async t => {
  const endless = (): { engine: SimulatorEngine, left: Promise<void> } => {
    let leave = (): void => {}
    const left = new Promise<void>(resolve => { leave = resolve })
    const engine = new SimulatorEngine({
      answer: async function * () {
        try {
          while (true) yield 500
        } finally {
          leave()
        }
      }
    })
    return { engine, left }
  }
  const long = makeRequest()
  long.sampling = { ...long.sampling, maxTokens: 1_000_000 }

  await t.test('an aborted signal stops the work, wherever it is', async t => {
    for (const eventsBefore of [1, 4]) {
      const { engine, left } = endless()
      const { dispatcher, hosts, registry } = await startPool(t, [engine])
      const controller = new AbortController()
      const stream = dispatcher.generate(long, controller.signal)
      for (let count = 0; count < eventsBefore; count++) await stream.next()
      controller.abort()
      await t.rejects(stream.next(), { code: 'client_closed_request' })
      await left
      await hosts[0]?.host.jobs.whenEmpty()
      t.match(registry.list()[0], { state: 'serving', inFlight: { jobs: 0 } }, 'the worker is not blamed')
    }
  })

  await t.test('returning early does the same', async t => {
    const { engine, left } = endless()
    const { dispatcher, registry } = await startPool(t, [engine])
    const stream = dispatcher.generate(long, new AbortController().signal)
    await stream.next()
    await stream.next()
    await stream.return()
    await left
    t.match(registry.list()[0], { inFlight: { jobs: 0 } })
  })

  await t.test('a signal that was aborted before never reaches a worker', async t => {
    const engine = new SimulatorEngine()
    const { dispatcher } = await startPool(t, [engine])
    await t.rejects(answerOf(dispatcher, makeRequest(), AbortSignal.abort()), { code: 'client_closed_request' })
    t.equal(engine.load().promptTokensTotal, 0)
  })

  await t.test('a deadline ends the answer', async t => {
    const clock = new ManualClock()
    const { engine, left } = endless()
    const { dispatcher } = await startPool(t, [engine], { clock })
    const stream = dispatcher.generate({ ...long, deadlineMs: 60_000 }, new AbortController().signal)
    await stream.next()
    await stream.next()
    clock.advance(60_000)
    await t.rejects(stream.next(), { code: 'deadline_exceeded' })
    await left
  })
})
