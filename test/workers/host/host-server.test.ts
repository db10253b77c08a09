import { once } from 'node:events'
import { connect } from 'node:net'
import t from 'tap'
import type { Engine } from '../../../workers/engines/engine.js'
import { SimulatorEngine } from '../../../workers/engines/simulator/simulator-engine.js'
import { makeJob } from '../make-job.js'
import { allEvents, eventsOf, startHost } from './start-host.js'

/** An endless answer that tells when it was left. */
function endlessAnswer (): { engine: SimulatorEngine, left: Promise<void> } {
  let leave = (): void => {}
  const left = new Promise<void>(resolve => { leave = resolve })
  async function * answer (): AsyncGenerator<number> {
    try {
      for (let id = 100; ; id = id % 1000 + 100) yield id
    } finally {
      leave()
    }
  }
  return { engine: new SimulatorEngine({ answer }), left }
}

const longJob = makeJob({ sampling: { maxTokens: 1_000_000 } })

await t.test('generate answers one data line per event', async t => {
  const { call } = await startHost(t, new SimulatorEngine({ answer: { kind: 'pieces', pieces: [[5, 6], [7]] } }))
  const response = await call('POST', '/v1/generate', makeJob())
  t.match(response.headers, { 'content-type': 'text/event-stream' })
  const lines = (await response.body.text()).split('\n\n').filter(line => line !== '')
  t.ok(lines.every(line => line.startsWith('data: ') && !line.includes('\n')))
  t.same(lines.map(line => JSON.parse(line.slice(6)).type), ['accepted', 'tokens', 'tokens', 'done'])
})

await t.test('a bad job is refused with the field at fault', async t => {
  const { call, host } = await startHost(t, new SimulatorEngine())
  for (const [job, path] of [
    [{ ...makeJob(), tokenIds: [] }, 'tokenIds'],
    [makeJob({ sampling: { maxTokens: 0 } }), 'sampling.maxTokens'],
    [makeJob({ tokenIds: [1, 129_280] }), 'tokenIds.1'],
    [makeJob({ resumedFrom: 3 }), 'resumedFrom']
  ] as const) {
    const response = await call('POST', '/v1/generate', job)
    t.equal(response.statusCode, 400)
    t.match(await response.body.json(), { error: { code: 'invalid-job', message: String, path } })
  }
  const unknownKey = await call('POST', '/v1/generate', { ...makeJob(), temprature: 1 })
  t.match(await unknownKey.body.json(), { error: { code: 'invalid-job', message: /temprature/ } })
  const noJson = await call('POST', '/v1/generate')
  t.equal(noJson.statusCode, 400)
  t.equal(host.jobs.size, 0)
})

await t.test('a job for another checkpoint or tier is refused', async t => {
  const { call } = await startHost(t, new SimulatorEngine())
  for (const job of [makeJob({ checkpoint: 'other' }), makeJob({ tier: 'pro' })]) {
    const response = await call('POST', '/v1/generate', job)
    t.equal(response.statusCode, 409)
    t.match(await response.body.json(), { error: { code: 'checkpoint-mismatch' } })
  }
})

await t.test('an unknown path and a bad control body are refused in the same shape', async t => {
  const { call } = await startHost(t, new SimulatorEngine())
  const unknown = await call('GET', '/v2')
  t.equal(unknown.statusCode, 404)
  t.match(await unknown.body.json(), { error: { code: 'unknown-path' } })
  const abort = await call('POST', '/v1/abort', { requestIds: [] })
  t.equal(abort.statusCode, 400)
  t.match(await abort.body.json(), { error: { code: 'bad-request', path: 'requestIds' } })
})

await t.test('while the engine loads it is live, not ready, and takes no job', async t => {
  let finish = (_engine: Engine): void => {}
  const { call } = await startHost(t, new Promise<Engine>(resolve => { finish = resolve }))
  const live = await call('GET', '/live')
  t.equal(live.statusCode, 200)
  t.match(await live.body.json(), { state: 'loading', workerId: 'flash-0', instanceId: String })
  t.equal((await call('GET', '/ready')).statusCode, 503)
  for (const path of ['/v1/describe', '/v1/load']) {
    const response = await call('GET', path)
    t.equal(response.statusCode, 503)
    t.match(await response.body.json(), { error: { code: 'worker-loading' } })
  }
  t.equal((await call('POST', '/v1/generate', makeJob())).statusCode, 503)
  finish(new SimulatorEngine())
  t.equal((await call('GET', '/ready')).statusCode, 200)
  t.match(await (await call('GET', '/v1/describe')).body.json(), { engine: 'simulator', workerId: 'flash-0', tier: 'flash' })
})

await t.test('an engine that cannot load, or fails later, is not ready for good', async t => {
  const broken = await startHost(t, Promise.reject(new Error('no such checkpoint')))
  t.match(await (await broken.call('GET', '/ready')).body.json(), { state: 'failed' })
  const job = await broken.call('POST', '/v1/generate', makeJob())
  t.match(await job.body.json(), { error: { code: 'worker-failed', message: /no such checkpoint/ } })

  const engine = new SimulatorEngine({ faults: [{ kind: 'die', afterTokens: 1 }] })
  const dying = await startHost(t, engine)
  const events = await allEvents(await dying.call('POST', '/v1/generate', makeJob()))
  t.match(events.at(-1), { type: 'fail', code: 'rank-died' })
  t.match(await (await dying.call('GET', '/ready')).body.json(), { state: 'failed' })
})

await t.test('a reader that hangs up stops the compute', async t => {
  const { engine, left } = endlessAnswer()
  const { call, host } = await startHost(t, engine)
  const controller = new AbortController()
  const events = eventsOf(await call('POST', '/v1/generate', longJob, controller.signal))
  await events.next()
  await events.next()
  controller.abort()
  await t.rejects(async () => { while ((await events.next()).done !== true); })
  await left
  await host.jobs.whenEmpty()
  const total = engine.load().generatedTokensTotal
  await call('GET', '/live')
  t.equal(engine.load().generatedTokensTotal, total, 'nothing was computed after it')
})

await t.test('abort ends a job by its id, and spares later attempts', async t => {
  const { call, host } = await startHost(t, new SimulatorEngine())
  const first = eventsOf(await call('POST', '/v1/generate', longJob))
  const second = eventsOf(await call('POST', '/v1/generate', { ...longJob, attempt: 2 }))
  await first.next()
  await second.next()
  t.equal(host.jobs.size, 2)
  const answer = await call('POST', '/v1/abort', { requestIds: [longJob.requestId], upToAttempt: 1 })
  t.same(await answer.body.json(), { abortedJobs: 1 })
  let last
  for await (const event of first) last = event
  t.match(last, { type: 'done', finish: 'abort' })
  t.equal(host.jobs.size, 1)
  await call('POST', '/v1/abort', { requestIds: [longJob.requestId, 'unknown'] })
  for await (const event of second) last = event
  t.match(last, { type: 'done', finish: 'abort' })
})

await t.test('drain refuses new jobs and finishes those that run', async t => {
  let release = (): void => {}
  const gate = new Promise<void>(resolve => { release = resolve })
  async function * answer (): AsyncGenerator<number> {
    yield 5
    await gate
    yield 6
  }
  const { call } = await startHost(t, new SimulatorEngine({ answer }))
  const running = eventsOf(await call('POST', '/v1/generate', makeJob()))
  await running.next()
  await running.next()
  const drained = call('POST', '/v1/drain', { budgetMs: 60_000 })
  let state = ''
  while (state !== 'draining') state = (await (await call('GET', '/live')).body.json() as { state: string }).state
  const refused = await call('POST', '/v1/generate', makeJob({ requestId: 'late' }))
  t.equal(refused.statusCode, 503)
  t.match(await refused.body.json(), { error: { code: 'worker-draining' } })
  release()
  const rest = []
  for await (const event of running) rest.push(event)
  t.match(rest, [{ type: 'tokens', ids: [6] }, { type: 'done', finish: 'stop' }])
  t.same(await (await drained).body.json(), { abortedJobs: 0 })
})

await t.test('a job that outlasts the drain budget fails as retryable', async t => {
  const { call } = await startHost(t, new SimulatorEngine())
  const running = eventsOf(await call('POST', '/v1/generate', longJob))
  await running.next()
  const drained = await call('POST', '/v1/drain', { budgetMs: 0 })
  t.same(await drained.body.json(), { abortedJobs: 1 })
  let last
  for await (const event of running) last = event
  t.match(last, { type: 'fail', code: 'worker-draining', retryable: true })
})

await t.test('a deadline ends the job as the request\'s fault', async t => {
  const { call } = await startHost(t, new SimulatorEngine({ faults: [{ kind: 'stall', afterTokens: 1 }] }))
  const events = await allEvents(await call('POST', '/v1/generate', makeJob({ deadlineMs: 5 })))
  t.match(events.at(-1), { type: 'fail', code: 'deadline-exceeded', blame: 'request', retryable: false })
})

await t.test('an engine that throws becomes a fail event', async t => {
  const answer = (): Iterable<number> => { throw new Error('a bug in the engine') }
  const { call, host } = await startHost(t, new SimulatorEngine({ answer }))
  const events = await allEvents(await call('POST', '/v1/generate', makeJob()))
  t.match(events.at(-1), { type: 'fail', code: 'engine-error', message: 'a bug in the engine', blame: 'worker' })
  t.equal(host.jobs.size, 0)
})

await t.test('probes are answered while many jobs compute', async t => {
  const { call, host } = await startHost(t, new SimulatorEngine())
  const streams = await Promise.all(Array.from({ length: 40 }, async (_, index) =>
    eventsOf(await call('POST', '/v1/generate', { ...longJob, requestId: `request-${index}` }))))
  await Promise.all(streams.map(async stream => await stream.next()))
  t.equal((await call('GET', '/live')).statusCode, 200)
  t.match(await (await call('GET', '/v1/load')).body.json(), { running: 40, waiting: 0 })
  t.equal(host.jobs.size, 40)
  await Promise.all(streams.map(async stream => await stream.return()))
  await host.jobs.whenEmpty()
})

await t.test('a reader that takes nothing loses its job instead of filling the memory', async t => {
  const bulk = Array.from({ length: 20_000 }, (_, index) => 100_000 + index % 20_000)
  const { engine, left } = (() => {
    let leave = (): void => {}
    const left = new Promise<void>(resolve => { leave = resolve })
    async function * answer (): AsyncGenerator<number[]> {
      try {
        while (true) yield bulk
      } finally {
        leave()
      }
    }
    return { engine: new SimulatorEngine({ answer, contextTokens: 100_000_000 }), left }
  })()
  const { address, host } = await startHost(t, engine)
  const socket = connect(address.slice('unix:'.length))
  await once(socket, 'connect')
  const body = JSON.stringify(makeJob({ sampling: { maxTokens: 90_000_000 } }))
  socket.write(`POST /v1/generate HTTP/1.1\r\nhost: worker\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`)
  socket.pause()
  await left
  await host.jobs.whenEmpty()
  t.equal(host.jobs.size, 0)
  socket.destroy()
})
