import fc from 'fast-check'
import t from 'tap'
import type { JobEvent } from '../../../../workers/contract/event.js'
import type { Job } from '../../../../workers/contract/job.js'
import { SimulatorEngine, type SimulatorOptions } from '../../../../workers/engines/simulator/simulator-engine.js'
import { makeJob } from '../../make-job.js'

const never = new AbortController().signal

async function collect (engine: SimulatorEngine, job: Job, signal = never): Promise<JobEvent[]> {
  const events: JobEvent[] = []
  for await (const event of engine.generate(job, signal)) events.push(event)
  return events
}

function idsOf (events: JobEvent[]): number[] {
  return events.flatMap(event => event.type === 'tokens' ? event.ids : [])
}

const scripted = (pieces: number[][], rest: SimulatorOptions = {}): SimulatorEngine =>
  new SimulatorEngine({ ...rest, answer: { kind: 'pieces', pieces } })

await t.test('it says that it is a simulator and that nothing was trained', async t => {
  const description = new SimulatorEngine().describe()
  t.equal(description.engine, 'simulator')
  t.equal(description.checkpoint.trained, false)
})

await t.test('a scripted answer comes piece by piece and ends at a stop token, which is not emitted', async t => {
  const events = await collect(scripted([[5, 6], [7, 1, 9]]), makeJob())
  t.same(events, [
    { type: 'accepted', cachedTokens: 0 },
    { type: 'tokens', ids: [5, 6] },
    { type: 'tokens', ids: [7] },
    { type: 'done', finish: 'stop', stopTokenId: 1, usage: { promptTokens: 3, completionTokens: 3, cachedTokens: 0 } }
  ])
})

await t.test('maxTokens cuts inside a piece and ends with length', async t => {
  const events = await collect(scripted([[5, 6], [7, 8, 9]]), makeJob({ sampling: { maxTokens: 3 } }))
  t.same(idsOf(events), [5, 6, 7])
  t.match(events.at(-1), { type: 'done', finish: 'length', stopTokenId: null })
})

await t.test('a resumed job gets exactly the rest of the answer, wherever it was cut', async t => {
  await fc.assert(fc.asyncProperty(
    fc.array(fc.array(fc.integer({ min: 2, max: 9 }), { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 6 }),
    fc.nat({ max: 20 }), fc.boolean(),
    async (pieces, cut, isNoise) => {
      const engine = isNoise ? new SimulatorEngine() : scripted(pieces)
      const maxTokens = 20
      const whole = idsOf(await collect(engine, makeJob({ sampling: { maxTokens } })))
      const emitted = whole.slice(0, Math.min(cut, whole.length - 1))
      const rest = await collect(engine, makeJob({
        tokenIds: [11, 12, 13, ...emitted], resumedFrom: emitted.length, sampling: { maxTokens: maxTokens - emitted.length }
      }))
      t.strictSame([...emitted, ...idsOf(rest)], whole)
    }), { numRuns: 60 })
})

await t.test('an abort stops compute within one step', async t => {
  const engine = new SimulatorEngine()
  const controller = new AbortController()
  let seen = 0
  const events: JobEvent[] = []
  for await (const event of engine.generate(makeJob({ sampling: { maxTokens: 1000 } }), controller.signal)) {
    events.push(event)
    if (event.type === 'tokens' && ++seen === 5) controller.abort()
  }
  t.match(events.at(-1), { type: 'done', finish: 'abort', usage: { completionTokens: seen } })
  t.ok(seen <= 6, `${seen} tokens were emitted`)
  t.equal(engine.load().generatedTokensTotal, seen)
  t.equal(engine.load().running, 0)
})

await t.test('a reader that returns early leaves nothing running', async t => {
  const engine = new SimulatorEngine()
  for await (const event of engine.generate(makeJob({ sampling: { maxTokens: 1000 } }), never)) {
    if (event.type === 'tokens') break
  }
  t.equal(engine.load().running, 0)
  t.equal(engine.load().generatedTokensTotal, 1)
})

await t.test('faults', async t => {
  const pieces = [[5], [6], [7], [8]]

  await t.test('fail ends the stream with its event, only on the stated attempt', async t => {
    const event = { code: 'queue-full', message: 'full', blame: 'worker' as const, retryable: true }
    const engine = scripted(pieces, { faults: [{ kind: 'fail', afterTokens: 2, onAttempt: 1, event }] })
    const events = await collect(engine, makeJob())
    t.same(idsOf(events), [5, 6])
    t.same(events.at(-1), { type: 'fail', ...event })
    t.same(idsOf(await collect(engine, makeJob({ attempt: 2 }))), [5, 6, 7, 8])
  })

  await t.test('cut ends the stream without a last word', async t => {
    const events = await collect(scripted(pieces, { faults: [{ kind: 'cut', afterTokens: 1 }] }), makeJob())
    t.equal(events.at(-1)?.type, 'tokens')
    t.equal(events.length, 2)
  })

  await t.test('a stall silences one stream only, until it is aborted', async t => {
    const engine = scripted(pieces, { faults: [{ kind: 'stall', afterTokens: 2, onAttempt: 1 }] })
    const controller = new AbortController()
    const stalled = engine.generate(makeJob(), controller.signal)
    for (let count = 0; count < 3; count++) await stalled.next()
    const next = stalled.next()
    t.same(idsOf(await collect(engine, makeJob({ attempt: 2 }))), [5, 6, 7, 8])
    controller.abort()
    t.match((await next).value, { type: 'done', finish: 'abort' })
  })

  await t.test('a hang silences every stream', async t => {
    const engine = scripted(pieces, { faults: [{ kind: 'hang', afterTokens: 1, onAttempt: 1 }] })
    const controller = new AbortController()
    const first = engine.generate(makeJob(), controller.signal)
    for (let count = 0; count < 2; count++) await first.next()
    const hung = first.next()
    const other = collect(engine, makeJob({ attempt: 2 }), controller.signal)
    controller.abort()
    t.match((await hung).value, { finish: 'abort' })
    t.same(idsOf(await other), [])
  })

  await t.test('die fails every job and settles failed', async t => {
    const engine = scripted(pieces, { faults: [{ kind: 'die', afterTokens: 1, onAttempt: 1 }] })
    const other = collect(engine, makeJob({ attempt: 2, tokenIds: [3], sampling: { maxTokens: 1_000_000 } }))
    const events = await collect(engine, makeJob())
    t.match(events.at(-1), { type: 'fail', code: 'rank-died', retryable: true })
    t.match((await other).at(-1)?.type, /fail|done/)
    t.match(await engine.failed, { message: /death of a rank/ })
    t.match(await collect(engine, makeJob()), [{ type: 'fail', code: 'rank-died' }])
  })
})

await t.test('close fails what runs and what comes later, and may be called twice', async t => {
  const engine = new SimulatorEngine()
  const running = engine.generate(makeJob({ sampling: { maxTokens: 1000 } }), never)
  await running.next()
  await engine.close()
  await engine.close()
  t.match((await running.next()).value, { type: 'fail', code: 'engine-closed' })
  t.match(await collect(engine, makeJob()), [{ type: 'fail', code: 'engine-closed' }])
})

await t.test('it refuses what no engine could do', async t => {
  const engine = new SimulatorEngine({ contextTokens: 3 })
  t.match(await collect(engine, makeJob()), [{ type: 'fail', code: 'context-overflow', blame: 'request', retryable: false }])
  t.match(await collect(new SimulatorEngine(), makeJob({ constraint: { kind: 'json' } })), [{ type: 'fail', code: 'unsupported-constraint', blame: 'request' }])
})

await t.test('the context ends an answer as length', async t => {
  const events = await collect(new SimulatorEngine({ contextTokens: 5 }), makeJob({ sampling: { maxTokens: 100 } }))
  t.match(events.at(-1), { finish: 'length', usage: { completionTokens: 2 } })
})

await t.test('log-probabilities have one entry per id and as many alternatives as asked for', async t => {
  const events = await collect(scripted([[5, 6]]), makeJob({ sampling: { logprobs: 2 } }))
  const tokens = events.find(event => event.type === 'tokens')
  t.equal(tokens?.logprobs?.length, 2)
  t.same(tokens?.logprobs?.[1]?.top.map(({ id }) => id), [6, 7])
})
