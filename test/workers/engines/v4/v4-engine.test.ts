import t, { type Test } from 'tap'
import type { JobEvent } from '../../../../workers/contract/event.js'
import { type Job, jobSchema, type Sampling } from '../../../../workers/contract/job.js'
import { engineDescriptionSchema } from '../../../../workers/contract/description.js'
import { jobEventSchema, loadReportSchema } from '../../../../workers/contract/event.js'
import { writeRandomCheckpoint } from '../../../../workers/engines/v4/checkpoint/random-checkpoint.js'
import { type V4EngineOptions } from '../../../../workers/engines/v4/engine-settings.js'
import { V4Engine } from '../../../../workers/engines/v4/v4-engine.js'

const directory = t.testdir()
await writeRandomCheckpoint(directory, { tier: 'flash' })

async function open (t: Test, options: V4EngineOptions = {}): Promise<V4Engine> {
  const engine = await V4Engine.open(directory, options)
  t.teardown(async () => { await engine.close() })
  return engine
}

const prompt = Array.from('The quick brown fox', character => 12 + character.charCodeAt(0))

function jobOf (overrides: Partial<Job> = {}, sampling: Partial<Sampling> = {}): Job {
  return jobSchema.parse({
    requestId: 'request',
    attempt: 1,
    tier: 'flash',
    checkpoint: 'flash-noise',
    tokenIds: [0, ...prompt],
    sampling: { temperature: 0, topP: 1, maxTokens: 12, stopTokenIds: [], ...sampling },
    ...overrides
  })
}

async function collect (engine: V4Engine, job: Job, signal = new AbortController().signal): Promise<JobEvent[]> {
  const events: JobEvent[] = []
  for await (const event of engine.generate(job, signal)) events.push(jobEventSchema.parse(event))
  return events
}

function idsOf (events: JobEvent[]): number[] {
  return events.flatMap(event => event.type === 'tokens' ? event.ids : [])
}

await t.test('tells what it serves', async t => {
  const engine = await open(t, { contextTokens: 1024 })
  t.same(engineDescriptionSchema.parse(engine.describe()), {
    engine: 'v4',
    checkpoint: { name: 'flash-noise', revision: 'random-1', trained: false, effortLadder: '0731', vocabularySize: 268, parameters: engine.describe().checkpoint.parameters },
    contextTokens: 1024,
    capabilities: { tokenIds: true, resume: true, constrainedResume: true, logprobs: true, seed: true, constraints: ['json', 'schema', 'regex', 'structural-tag'] },
    ranks: 1
  })
  t.match(loadReportSchema.parse(engine.load()), { running: 0, waiting: 0, queuedTokens: 0, kvUsedTokens: 0 })
})

await t.test('a job: accepted, one token at a time, done with counts', async t => {
  const engine = await open(t)
  const events = await collect(engine, jobOf())
  t.same(events.map(({ type }) => type), ['accepted', ...Array.from({ length: 12 }, () => 'tokens'), 'done'])
  t.same(events.at(-1), { type: 'done', finish: 'length', stopTokenId: null, usage: { promptTokens: 20, completionTokens: 12, cachedTokens: 0 } })
  t.match(engine.load(), { running: 0, waiting: 0, kvUsedTokens: 0, promptTokensTotal: 20, generatedTokensTotal: 12 })
})

await t.test('a stop token ends the job, named and not emitted; minTokens holds it off', async t => {
  const engine = await open(t)
  const ids = idsOf(await collect(engine, jobOf()))
  const stop = ids.find((id, i) => i >= 3 && ids.indexOf(id) === i) ?? -1
  const place = ids.indexOf(stop)
  const events = await collect(engine, jobOf({}, { stopTokenIds: [stop] }))
  t.same(idsOf(events), ids.slice(0, place))
  t.match(events.at(-1), { type: 'done', finish: 'stop', stopTokenId: stop, usage: { completionTokens: place } })
  const held = idsOf(await collect(engine, jobOf({}, { stopTokenIds: [stop], minTokens: place + 1 })))
  t.same(held.slice(0, place), ids.slice(0, place))
  t.not(held[place], stop)
})

await t.test('log-probabilities come with every token', async t => {
  const engine = await open(t)
  const events = await collect(engine, jobOf({}, { logprobs: 20, maxTokens: 3 }))
  for (const event of events) {
    if (event.type !== 'tokens') continue
    const [logprob] = event.logprobs ?? []
    t.equal(logprob?.top.length, 20)
    t.equal(logprob?.top[0]?.id, event.ids[0], 'greedy takes the likeliest')
    t.equal(logprob?.top[0]?.logprob, logprob?.logprob)
    t.ok((logprob?.top.reduce((sum, { logprob }) => sum + Math.exp(logprob), 0) ?? 2) < 1)
  }
})

await t.test('jobs that run together say what each says alone', async t => {
  const engine = await open(t)
  const jobs = Array.from({ length: 4 }, (_, i) => jobOf(
    { requestId: `job ${i}`, tokenIds: [0, ...Array.from({ length: 5 + 25 * i }, (_, k) => 12 + (i * 31 + k * k * 7) % 256)] },
    { temperature: i % 2, seed: 1234 + i, maxTokens: 8 + i }
  ))
  const alone: number[][] = []
  for (const job of jobs) alone.push(idsOf(await collect(engine, job)))
  const together = await Promise.all(jobs.map(async job => idsOf(await collect(engine, job))))
  t.same(together, alone)
})

await t.test('a resumed job goes on with the words and the random numbers of the first attempt', async t => {
  const engine = await open(t)
  const sampling = { temperature: 1, seed: 99, frequencyPenalty: 0.5, maxTokens: 12 }
  const whole = idsOf(await collect(engine, jobOf({}, sampling)))
  const rest = idsOf(await collect(engine, jobOf({ attempt: 2, tokenIds: [0, ...prompt, ...whole.slice(0, 5)], resumedFrom: 5 }, { ...sampling, maxTokens: 7 })))
  t.same(rest, whole.slice(5))
})

await t.test('without a seed two runs differ', async t => {
  const engine = await open(t)
  const job = jobOf({}, { temperature: 1.5, maxTokens: 30 })
  t.notSame(idsOf(await collect(engine, job)), idsOf(await collect(engine, job)))
})

await t.test('an abort ends the job within a step, and frees its memory', async t => {
  const engine = await open(t)
  const abortion = new AbortController()
  const events: JobEvent[] = []
  for await (const event of engine.generate(jobOf({}, { maxTokens: 10_000 }), abortion.signal)) {
    events.push(event)
    if (events.length === 4) abortion.abort()
  }
  t.match(events.at(-1), { type: 'done', finish: 'abort', stopTokenId: null })
  t.ok(events.length < 500)
  t.match(engine.load(), { running: 0, kvUsedTokens: 0 })
  t.match(await collect(engine, jobOf(), AbortSignal.abort()), [{ type: 'done', finish: 'abort' }], 'aborted before it began')
})

await t.test('a reader that leaves ends the job', async t => {
  const engine = await open(t, { maxRunning: 1 })
  for await (const event of engine.generate(jobOf({}, { maxTokens: 10_000 }), new AbortController().signal)) {
    if (event.type === 'tokens') break
  }
  const next = await collect(engine, jobOf())
  t.match(next.at(-1), { type: 'done', finish: 'length' })
  t.ok((engine.load().generatedTokensTotal ?? Infinity) < 1000)
})

await t.test('what can never run is refused, and it is the request\'s fault', async t => {
  const engine = await open(t, { contextTokens: 128 })
  const cases: [string, Job][] = [
    ['checkpoint-mismatch', jobOf({ checkpoint: 'another' })],
    ['token-out-of-range', jobOf({ tokenIds: [0, 268] })],
    ['context-overflow', jobOf({ tokenIds: Array.from({ length: 128 }, () => 20) })],
    ['invalid-job', jobOf({ resumedFrom: 20 })],
    ['unsupported-constraint', jobOf({ constraint: { kind: 'schema', schema: { type: 'string', pattern: '(?=a)' } } })],
    ['unsupported-constraint', jobOf({ constraint: { kind: 'regex', pattern: '(?=a)' } })]
  ]
  for (const [code, job] of cases) {
    const events = await collect(engine, job)
    t.match(events, [{ type: 'fail', code, blame: 'request', retryable: false }])
    t.equal(events.length, 1)
  }
  const last = (await collect(engine, jobOf({}, { maxTokens: 500 }))).at(-1)
  t.match(last, { type: 'done', finish: 'length', usage: { completionTokens: 108 } }, 'the context ends the job')
})

/** Starts a job and resolves with it once it runs. */
async function start (engine: V4Engine, job: Job, signal: AbortSignal): Promise<{ events: Promise<JobEvent[]> }> {
  const iterator = engine.generate(job, signal)
  const { value: accepted } = await iterator.next()
  const { value: token } = await iterator.next()
  const rest = async (): Promise<JobEvent[]> => {
    const events = [accepted, token].filter(event => event !== undefined)
    for await (const event of iterator) events.push(event)
    return events
  }
  return { events: rest() }
}

await t.test('jobs wait for their turn, and a full line refuses', async t => {
  await t.rejects(V4Engine.open(directory, { cacheBytes: 1 }), { name: 'RangeError', message: /holds no block/ })
  const engine = await open(t, { maxRunning: 1, maxWaiting: 2 })
  const abortion = new AbortController()
  const first = await start(engine, jobOf({}, { maxTokens: 16_000 }), abortion.signal)
  const others = [1, 2].map(async () => await collect(engine, jobOf({}, { maxTokens: 2 })))
  t.match(engine.load(), { running: 1, waiting: 2 })
  const refused = await collect(engine, jobOf())
  t.match(refused, [{ type: 'fail', code: 'queue-full', retryable: true, blame: 'worker' }])
  abortion.abort()
  t.match((await first.events).at(-1), { type: 'done', finish: 'abort' })
  for (const events of others) t.match((await events).at(-1), { type: 'done', finish: 'length' })
})

await t.test('a closed engine fails its jobs and takes no more', async t => {
  const engine = await V4Engine.open(directory)
  const running = await start(engine, jobOf({}, { maxTokens: 10_000 }), new AbortController().signal)
  await engine.close()
  await engine.close()
  const fail = { type: 'fail', code: 'engine-closed', blame: 'worker', retryable: true }
  t.match((await running.events).at(-1), fail)
  t.match(await collect(engine, jobOf()), [fail])
})

await t.test('a directory without a checkpoint is refused by name', async t => {
  await t.rejects(V4Engine.open(t.testdir()), { name: 'CheckpointError', message: /config\.json/ })
})
