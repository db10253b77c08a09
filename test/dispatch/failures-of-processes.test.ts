/** Rows of the failure catalogue in which a worker's process has to be ended by whoever started it. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import t from 'tap'
import { EmbeddedWorkers } from '../../src/dispatch/embedded-workers.js'
import { HttpDispatcher } from '../../src/dispatch/http-dispatcher.js'
import { WorkerRegistry } from '../../src/dispatch/worker-registry.js'
import { ManualClock } from './manual-clock.js'
import { answerOf, changed, idsOf, makeRequest, never, until } from './start-pool.js'

const logger = pino({ level: 'silent' })
const folder = await mkdtemp(join(tmpdir(), 'script-'))
t.teardown(async () => { await rm(folder, { recursive: true, force: true }) })

async function start (t: { after (callback: () => Promise<void>): void }, script: object, dispatcherClock = new ManualClock()) {
  const scriptPath = join(folder, `${Object.keys(script).join('-')}.json`)
  await writeFile(scriptPath, JSON.stringify(script))
  const clock = new ManualClock()
  const registry = new WorkerRegistry({ logger })
  const workers = new EmbeddedWorkers({ registry, logger, clock, startBudgetMs: 60_000, restartMs: 1, graceMs: 100, workers: [{ workerId: 'flash-0', tier: 'flash', engine: { engine: 'simulator', scriptPath } }] })
  const dispatcher = new HttpDispatcher({ registry, logger, clock: dispatcherClock })
  t.after(async () => {
    workers.destroy()
    dispatcher.close()
    registry.close()
  })
  const pid = (): number | null => workers.pids().get('flash-0') ?? null
  return { clock, registry, workers, dispatcher, pid }
}

await t.test('F1 a worker that hangs as a whole is killed and started again, and its stream goes on', async t => {
  const clock = new ManualClock()
  const { registry, workers, dispatcher, pid, clock: processClock } = await start(t, { faults: [{ kind: 'hang', afterTokens: 3, onAttempt: 1 }] }, clock)
  processClock.advance(0)
  await workers.whenReady()
  await changed(registry, () => registry.isReady('flash'))
  const before = pid()
  const whole = (await answerOf(dispatcher, makeRequest({ requestId: 'free', sampling: { ...makeRequest().sampling, maxTokens: 2 } }))).ids
  const events = []
  for await (const event of dispatcher.generate(makeRequest(), never)) {
    events.push(event)
    if (idsOf(events).length !== 3 || event.type !== 'tokens') continue
    registry.probe('flash-0').then(async () => {
      await registry.probe('flash-0')
      clock.advance(59_000)
      await until(() => pid() === null)
      processClock.advance(1000)
    }).catch(t.error)
  }
  t.same(idsOf(events).slice(0, 2), whole)
  t.match(events.at(-1), { type: 'done', usage: { completionTokens: 20 } })
  t.not(pid(), before)
})

await t.test('F4 a worker that does not load in time is started once more, and then left alone', async t => {
  const { clock, registry, pid } = await start(t, { startMs: 3_600_000 })
  clock.advance(0)
  for (let attempt = 1; attempt <= 2; attempt++) {
    await until(() => pid() !== null)
    await changed(registry, () => registry.list()[0]?.state === 'starting')
    const gone = pid()
    clock.advance(60_000)
    await until(() => pid() !== gone)
    clock.advance(1000)
  }
  await changed(registry, () => registry.list()[0]?.state === 'quarantined')
  t.match(registry.list()[0], { state: 'quarantined', stateReason: 'did not load in time, twice', canServe: false })
  t.equal(pid(), null)
  clock.advance(3_600_000)
  t.equal(pid(), null, 'never again by itself')
})
