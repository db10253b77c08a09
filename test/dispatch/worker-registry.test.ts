import t from 'tap'
import type { WorkerClient } from '../../src/dispatch/worker-client.js'
import { WorkerFault } from '../../src/dispatch/worker-fault.js'
import { WorkerRegistry } from '../../src/dispatch/worker-registry.js'
import type { HostState } from '../../workers/contract/control.js'
import { SimulatorEngine } from '../../workers/engines/simulator/simulator-engine.js'
import { ManualClock } from './manual-clock.js'
import { logger, startPool } from './start-pool.js'

const broken = new WorkerFault('broken', 'cut', { code: 'stream-broken', blame: 'worker', isRetryable: true })
const unreachable = new WorkerFault('unreachable', 'refused', { code: 'no-connection', blame: 'network', isRetryable: true })
const silent = new WorkerFault('silent', 'no answer', { code: 'no-answer', blame: 'network', isRetryable: true })

/** A worker whose probes say what the test last set. */
class ScriptedWorker implements WorkerClient {
  readonly address = 'scripted:'
  state: HostState = 'ready'
  instanceId = 'one'
  fault: WorkerFault | null = null
  running = 0
  probes = 0

  async readiness (): ReturnType<WorkerClient['readiness']> {
    this.probes += 1
    if (this.fault !== null) throw this.fault
    return { state: this.state, workerId: 'a', instanceId: this.instanceId }
  }

  async describe (): ReturnType<WorkerClient['describe']> {
    return { ...new SimulatorEngine().describe(), workerId: 'a', instanceId: this.instanceId, tier: 'flash' }
  }

  async load (): ReturnType<WorkerClient['load']> {
    return { ...new SimulatorEngine().load(), running: this.running }
  }

  async * generate (): ReturnType<WorkerClient['generate']> {}
  async abort (): Promise<void> {}
  async drain (): ReturnType<WorkerClient['drain']> { return { abortedJobs: 0 } }
  async close (): Promise<void> {}
  async destroy (): Promise<void> {}
}

async function register (): Promise<{ registry: WorkerRegistry, clock: ManualClock, worker: ScriptedWorker, state: () => string | undefined }> {
  const clock = new ManualClock()
  const registry = new WorkerRegistry({ logger, clock })
  const worker = new ScriptedWorker()
  registry.add('a', 'flash', worker)
  await registry.probe('a')
  return { registry, clock, worker, state: () => registry.list('flash')[0]?.state }
}

await t.test('a worker goes from registered over starting to serving', async t => {
  const clock = new ManualClock()
  const registry = new WorkerRegistry({ logger, clock })
  const worker = new ScriptedWorker()
  worker.fault = unreachable
  registry.add('a', 'flash', worker)
  await registry.probe('a')
  const [record] = registry.list()
  t.match(record, { state: 'registered', stateReason: 'it could not be reached', instanceId: null })
  worker.fault = null
  worker.state = 'loading'
  await registry.probe('a')
  t.equal(record?.state, 'starting')
  t.notOk(registry.isReady('flash'))
  worker.state = 'ready'
  await registry.probe('a')
  t.match(record, { state: 'serving', instanceId: 'one', canServe: true })
  t.ok(registry.isReady('flash'))
  t.notOk(registry.isReady('pro'))
})

await t.test('probes go on by themselves, quicker while a worker is not there yet', async t => {
  const { registry, clock, worker } = await register()
  t.same(clock.pending, [1000])
  const probes = worker.probes
  worker.state = 'draining'
  clock.advance(1000)
  await registry.probe('a')
  t.ok(worker.probes > probes)
  t.same(clock.pending, [250])
  registry.close()
  t.same(clock.pending, [])
})

await t.test('a restarted process is a new record, and the old one is gone', async t => {
  const { registry, worker } = await register()
  const [old] = registry.list()
  if (old === undefined) throw new Error('no record')
  registry.begin(old, { promptTokens: 500, reservedTokens: 768, lengthClass: 'S' })
  worker.instanceId = 'two'
  await registry.probe('a')
  const [renewed] = registry.list()
  t.equal(old.state, 'gone')
  t.not(renewed, old)
  t.match(renewed, { state: 'serving', instanceId: 'two', inFlight: { jobs: 0 } })
})

await t.test('a worker that serves is given up after three silent probes, or at once when nobody listens', async t => {
  const { registry, worker, state } = await register()
  worker.fault = silent
  await registry.probe('a')
  await registry.probe('a')
  t.equal(state(), 'serving')
  await registry.probe('a')
  t.equal(state(), 'registered')
  worker.fault = null
  await registry.probe('a')
  t.equal(state(), 'serving')
  worker.fault = unreachable
  await registry.probe('a')
  t.equal(state(), 'registered')
})

await t.test('a fault makes it degraded, and suspect until it has answered a later probe', async t => {
  const { registry, clock, worker } = await register()
  const [record] = registry.list()
  if (record === undefined) throw new Error('no record')
  const before = worker.probes
  registry.noteFault(record, broken)
  t.match(record, { state: 'degraded', canServe: false })
  await registry.probe('a')
  t.ok(worker.probes > before)
  t.match(record, { state: 'degraded', canServe: true })
  clock.advance(30_000)
  await registry.probe('a')
  t.equal(record.state, 'serving')
})

await t.test('a completed job clears a degraded worker', async t => {
  const { registry } = await register()
  const [record] = registry.list()
  if (record === undefined) throw new Error('no record')
  registry.noteFault(record, broken)
  registry.noteSuccess(record)
  t.equal(record.state, 'serving')
})

await t.test('many faults at once ask for few probes', async t => {
  const { registry, worker } = await register()
  const [record] = registry.list()
  if (record === undefined) throw new Error('no record')
  const before = worker.probes
  for (let count = 0; count < 200; count++) registry.noteFault(record, broken)
  await registry.probe('a')
  t.ok(worker.probes - before <= 2, `${worker.probes - before} probes`)
  t.ok(record.canServe)
})

await t.test('a request\'s own fault or a full queue is no illness', async t => {
  const { registry } = await register()
  const [record] = registry.list()
  if (record === undefined) throw new Error('no record')
  registry.noteFault(record, new WorkerFault('failed', '', { code: 'context-overflow', blame: 'request', isRetryable: false }))
  registry.noteFault(record, new WorkerFault('failed', '', { code: 'queue-full', blame: 'worker', isRetryable: true }))
  t.match(record, { state: 'serving', canServe: true })
})

await t.test('quarantine lasts until release or restart', async t => {
  const { registry, worker, state } = await register()
  registry.quarantine('a', 'talks nonsense')
  await registry.probe('a')
  t.equal(state(), 'quarantined')
  registry.release('a')
  t.equal(state(), 'degraded')
  registry.quarantine('a', 'again')
  worker.instanceId = 'two'
  await registry.probe('a')
  t.equal(state(), 'serving')
})

await t.test('work counts from the moment it is sent, and a report replaces what it can know of', async t => {
  const { registry, worker } = await register()
  const [record] = registry.list()
  if (record === undefined) throw new Error('no record')
  const work = registry.begin(record, { promptTokens: 100, reservedTokens: 256, lengthClass: 'L' })
  t.match(record, { inFlight: { jobs: 1, promptTokens: 100, reservedTokens: 256 }, sentSinceLoad: { jobs: 1, promptTokens: 100 }, longPrefills: { L: 1 } })
  worker.running = 3
  await registry.probe('a')
  t.match(record, { inFlight: { jobs: 1 }, sentSinceLoad: { jobs: 0, promptTokens: 0 }, load: { running: 3 }, elsewhere: { jobs: 2 } }, 'what is not ours is others\'')
  work.prefilled()
  work.prefilled()
  t.match(record, { inFlight: { jobs: 1, promptTokens: 0, reservedTokens: 256 }, longPrefills: { L: 0 } })
  work.end()
  work.end()
  t.match(record, { inFlight: { jobs: 0, promptTokens: 0, reservedTokens: 0 } })
})

await t.test('listeners hear of every change until they stop', async t => {
  const { registry } = await register()
  let heard = 0
  const stop = registry.onChange(() => { heard += 1 })
  registry.quarantine('a', 'x')
  t.ok(heard > 0)
  stop()
  const before = heard
  registry.release('a')
  t.equal(heard, before)
})

await t.test('replacing a worker never leaves its tier empty', async t => {
  const { registry } = await register()
  const sizes: number[] = []
  registry.onChange(() => sizes.push(registry.list('flash').length))
  registry.add('a', 'flash', new ScriptedWorker())
  await registry.probe('a')
  t.ok(sizes.length > 0 && sizes.every(size => size === 1))
  registry.remove('a', 'stopped')
  t.same(registry.list(), [])
})

await t.test('a worker of another tier than expected does not serve', async t => {
  const { registry, hosts } = await startPool(t, [new SimulatorEngine()])
  t.equal(registry.list()[0]?.state, 'serving')
  await hosts[0]?.host.drain(0)
  await registry.probe('w0')
  t.equal(registry.list()[0]?.state, 'draining')
  const worker = new ScriptedWorker()
  registry.add('p', 'pro', worker)
  await registry.probe('p')
  t.match(registry.list('pro')[0], { state: 'warming', stateReason: /serves flash, expected pro/ })
})
