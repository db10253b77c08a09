import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { connect, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { pino } from 'pino'
import t from 'tap'
import type { DispatchEvent } from '../../src/dispatch/dispatch-event.js'
import { EmbeddedWorkers } from '../../src/dispatch/embedded-workers.js'
import { HttpDispatcher } from '../../src/dispatch/http-dispatcher.js'
import { WorkerRegistry } from '../../src/dispatch/worker-registry.js'
import { ManualClock } from './manual-clock.js'
import { answerOf, changed, idsOf, makeRequest } from './start-pool.js'

interface Teardown {
  after (callback: () => Promise<void>): void
}

interface Started {
  workers: EmbeddedWorkers
  registry: WorkerRegistry
  dispatcher: HttpDispatcher
  logLines: Array<Record<string, unknown>>
  pid: (workerId: string) => number
}

/** Real worker processes, each a simulator after this script. */
async function startEmbedded (t: Teardown, workerIds: string[], script: object = {}): Promise<Started> {
  const folder = await mkdtemp(join(tmpdir(), 'script-'))
  const scriptPath = join(folder, 'script.json')
  await writeFile(scriptPath, JSON.stringify(script))
  const logLines: Started['logLines'] = []
  const logger = pino({ level: 'info' }, new Writable({
    write (line, _encoding, done) {
      logLines.push(JSON.parse(String(line)))
      done()
    }
  }))
  const registry = new WorkerRegistry({ logger })
  const workers = new EmbeddedWorkers({
    registry,
    logger,
    restartMs: 1,
    graceMs: 5000,
    workers: workerIds.map(workerId => ({ workerId, tier: 'flash', engine: { engine: 'simulator', scriptPath } }))
  })
  const dispatcher = new HttpDispatcher({ registry, logger })
  t.after(async () => {
    await workers.close()
    dispatcher.close()
    registry.close()
    await rm(folder, { recursive: true, force: true })
  })
  await workers.whenReady()
  const pid = (workerId: string): number => workers.pids().get(workerId) ?? NaN
  return { workers, registry, dispatcher, logLines, pid }
}

const instanceOf = (registry: WorkerRegistry, workerId: string): string | null =>
  registry.list().find(record => record.workerId === workerId)?.instanceId ?? null

function addressIn (logLines: Started['logLines']): string {
  return String(logLines.find(({ msg }) => msg === 'worker ready')?.['address'])
}

/** A connection to a worker; the system closes it when the process ends, however it ends. */
async function attach (address: string): Promise<Socket> {
  const socket = connect(address.slice('unix:'.length))
  await once(socket, 'connect')
  return socket.resume()
}

function isAlive (pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

const open = (): AbortSignal => new AbortController().signal

const request = makeRequest()
request.sampling = { ...request.sampling, maxTokens: 150 }

await t.test('kill -9 in the middle of an answer: it completes, identical, on another worker', async t => {
  const { dispatcher, registry, pid } = await startEmbedded(t, ['flash-0', 'flash-1'])
  const whole = await answerOf(dispatcher, request)
  const events: DispatchEvent[] = []
  let killed = ''
  let instance: string | null = null
  for await (const event of dispatcher.generate(request, open())) {
    events.push(event)
    if (event.type === 'accepted') killed = event.workerId
    if (idsOf(events).length === 50 && instance === null) {
      instance = instanceOf(registry, killed)
      process.kill(pid(killed), 'SIGKILL')
    }
  }
  t.same(idsOf(events), whole.ids)
  t.same(events.at(-1), whole.events.at(-1))
  await changed(registry, () => ![null, instance].includes(instanceOf(registry, killed)))
  t.not(instanceOf(registry, killed), instance, 'it came back as another instance')
})

await t.test('with one worker the answer waits for the restart and goes on', async t => {
  const { dispatcher, pid } = await startEmbedded(t, ['flash-0'])
  const whole = await answerOf(dispatcher, request)
  const events: DispatchEvent[] = []
  for await (const event of dispatcher.generate(request, open())) {
    events.push(event)
    if (idsOf(events).length === 50 && event.type === 'tokens') process.kill(pid('flash-0'), 'SIGKILL')
  }
  t.same(idsOf(events), whole.ids)
})

await t.test('F2 kill -9 under 200 streams: all of them complete, each identical and counted once', async t => {
  const { dispatcher, pid } = await startEmbedded(t, ['flash-0', 'flash-1'])
  const sampling = { ...request.sampling, maxTokens: 30 }
  const requests = Array.from({ length: 200 }, (_, index) => ({ ...request, sampling, requestId: `request-${index}`, tokenIds: [index + 2, 7] }))
  const whole = await Promise.all(requests.map(async one => (await answerOf(dispatcher, one, open())).ids))
  let isKilled = false
  const broken = await Promise.all(requests.map(async one => {
    const events: DispatchEvent[] = []
    for await (const event of dispatcher.generate(one, open())) {
      events.push(event)
      if (!isKilled && idsOf(events).length === 15) {
        isKilled = true
        process.kill(pid('flash-0'), 'SIGKILL')
      }
    }
    return events
  }))
  t.same(broken.map(idsOf), whole)
  for (const events of broken) t.match(events.at(-1), { type: 'done', usage: { promptTokens: 2, completionTokens: 30 } })
})

await t.test('an engine that fails takes its process down, and it is started again', async t => {
  const { dispatcher, registry } = await startEmbedded(t, ['flash-0'], { faults: [{ kind: 'die', afterTokens: 5, onAttempt: 1 }] })
  await changed(registry, () => registry.isReady('flash'))
  const before = instanceOf(registry, 'flash-0')
  const { ids } = await answerOf(dispatcher, request)
  t.equal(ids.length, 150)
  t.not(instanceOf(registry, 'flash-0'), before)
})

await t.test('a hung worker is left by the watchdog, though it answers probes', async t => {
  const { registry, logLines } = await startEmbedded(t, ['flash-0', 'flash-1'], { faults: [{ kind: 'hang', afterTokens: 5, onAttempt: 1 }] })
  const clock = new ManualClock()
  const dispatcher = new HttpDispatcher({ registry, logger: pino({ level: 'silent' }), clock, watchdogs: { silenceMs: 5000 } })
  t.after(async () => dispatcher.close())
  const events: DispatchEvent[] = []
  for await (const event of dispatcher.generate(request, open())) {
    events.push(event)
    if (idsOf(events).length === 5 && event.type === 'tokens') setImmediate(() => clock.advance(5000))
  }
  t.equal(idsOf(events).length, 150)
  t.ok(logLines.some(({ kind, code }) => kind === 'silent' && code === 'silent'))
})

await t.test('close waits for running answers, then everything is gone; twice is once', async t => {
  const { workers, dispatcher, pid, logLines } = await startEmbedded(t, ['flash-0'], { timing: { decodeMs: 1 } })
  const worker = pid('flash-0')
  let closed: Promise<void> | null = null
  let ids = 0
  for await (const event of dispatcher.generate(request, open())) {
    if (event.type !== 'tokens') continue
    ids += event.ids.length
    closed ??= workers.close()
  }
  t.equal(ids, 150)
  await Promise.all([closed, workers.close()])
  t.notOk(isAlive(worker))
  t.match(logLines.find(({ msg }) => msg === 'worker ready'), { source: 'worker', workerId: 'flash-0', workerPid: worker, address: /^unix:/ })
  t.notOk(existsSync(dirname(addressIn(logLines).slice('unix:'.length))))
})

/** A killed peer may end the connection with a reset: that, too, is its end. */
async function closeOf (socket: Socket): Promise<void> {
  socket.on('error', () => {})
  await new Promise<void>(resolve => { socket.once('close', () => resolve()) })
}

await t.test('destroy kills at once', async t => {
  const { workers, registry } = await startEmbedded(t, ['flash-0'])
  const closed = closeOf(await attach(registry.list()[0]?.client.address ?? ''))
  workers.destroy()
  workers.destroy()
  await closed
})

await t.test('workers do not outlive a gateway that was killed', async () => {
  const parent = spawn(process.execPath, [fileURLToPath(new URL('embedded-parent.js', import.meta.url))], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = await once(createInterface({ input: parent.stdout }), 'line')
  const closed = closeOf(await attach(String(line)))
  parent.kill('SIGKILL')
  await closed
})
