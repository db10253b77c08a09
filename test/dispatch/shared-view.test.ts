import t from 'tap'
import { HttpWorkerClient } from '../../src/dispatch/http-worker-client.js'
import { RegisteredWorkers } from '../../src/dispatch/registered-workers.js'
import { Router, type JobOrder } from '../../src/dispatch/router.js'
import { SharedView } from '../../src/dispatch/shared-view.js'
import { WorkerRegistry } from '../../src/dispatch/worker-registry.js'
import { RedisPoolStore } from '../../src/stores/redis-pool-store.js'
import { SimulatorEngine } from '../../workers/engines/simulator/simulator-engine.js'
import { hasRedis, startRedis, withoutRedis, type TestRedis } from '../stores/start-redis.js'
import { createHostServer, listenAt } from '../../workers/host/host-server.js'
import { WorkerHost } from '../../workers/host/worker-host.js'
import { startHost } from '../workers/host/start-host.js'
import { ManualClock } from './manual-clock.js'
import { logger } from './start-pool.js'

interface Teardown { after (callback: () => Promise<void>): void }

interface Gateway {
  registry: WorkerRegistry
  registered: RegisteredWorkers
  router: Router
  view: SharedView
}

/** Several gateways in front of the same four workers, sharing one Redis. */
async function startGateways (t: Teardown, redis: TestRedis, count: number): Promise<Gateway[]> {
  const addresses = []
  for (let index = 0; index < 4; index++) addresses.push((await startHost(t, new SimulatorEngine(), `w${index}`)).address)
  const gateways = []
  for (let gateway = 0; gateway < count; gateway++) {
    const clock = new ManualClock()
    const registry = new WorkerRegistry({ logger, clock })
    const registered = new RegisteredWorkers({ registry, clock })
    const view = new SharedView({ registry, registered, logger, clock, store: new RedisPoolStore({ url: redis.url }) })
    t.after(async () => {
      view.close()
      await registered.destroy()
      registry.close()
    })
    for (const [index, address] of addresses.entries()) {
      const client = new HttpWorkerClient(address)
      t.after(async () => { await client.destroy() })
      registry.add(`w${index}`, 'flash', client)
      await registry.probe(`w${index}`)
    }
    gateways.push({ registry, registered, view, router: new Router({ registry, clock, random: Math.random, maxJobsPerWorker: 64 }) })
  }
  return gateways
}

function order (promptTokens: number): JobOrder {
  return { tier: 'flash', checkpoint: 'simulated', tokenIds: [1, 2, 3], promptTokens, maxTokens: 100, isResume: false, tried: new Set() }
}

function place ({ router }: Gateway, promptTokens = 5000): string {
  const assignment = router.place(router.prepare(order(promptTokens)))
  if (typeof assignment === 'string') throw new Error(assignment)
  return assignment.worker.workerId
}

if (!hasRedis()) t.comment(withoutRedis)
else {
  const redis = await startRedis()
  t.teardown(async () => { await redis.stop() })

  await t.test('what one gateway sent is load for the other, and the first does not count it twice', async t => {
    const [one, two] = await startGateways(t, redis, 2)
    if (one === undefined || two === undefined) throw new Error('two gateways')
    const taken = [place(one), place(one)]
    await one.view.exchange()
    await two.view.exchange()
    await one.view.exchange()
    t.equal(two.registry.hasPeers && one.registry.hasPeers, true)
    t.same(two.registry.list().filter(({ elsewhere }) => elsewhere.jobs > 0).map(({ workerId }) => workerId), taken.sort())
    t.ok(one.registry.list().every(({ elsewhere }) => elsewhere.jobs === 0))
    t.notOk(taken.includes(place(two)), 'the idle ones are chosen')
  })

  await t.test('many gateways with the same view do not herd', async t => {
    const gateways = await startGateways(t, redis, 4)
    for (const gateway of [...gateways, ...gateways]) await gateway.view.exchange()
    const counts = new Map<string, number>()
    for (let round = 0; round < 10; round++) {
      // All choose before anybody hears of the others' choices.
      for (const gateway of gateways) {
        const worker = place(gateway, 100)
        counts.set(worker, (counts.get(worker) ?? 0) + 1)
      }
      for (const gateway of [...gateways, ...gateways]) await gateway.view.exchange()
    }
    t.equal(counts.size, 4)
    t.ok(Math.max(...counts.values()) <= 20, `at most twice its share: ${[...counts.values()].join(' ')}`)
  })

  await t.test('quarantine and release hold for all', async t => {
    const [one, two] = await startGateways(t, redis, 2)
    const stateOf = (gateway: Gateway | undefined): string | undefined => gateway?.registry.list().find(({ workerId }) => workerId === 'w1')?.state
    one?.registry.quarantine('w1', 'corrupt text')
    await one?.view.exchange()
    await two?.view.exchange()
    t.equal(stateOf(two), 'quarantined')
    two?.registry.release('w1')
    await two?.view.exchange()
    await one?.view.exchange()
    t.not(stateOf(one), 'quarantined')
  })

  await t.test('who registered with one serves all, and is told on only by the one', async t => {
    const [one, two] = await startGateways(t, redis, 2)
    const host = new WorkerHost({ workerId: 'self', tier: 'flash' }, Promise.resolve(new SimulatorEngine()))
    const server = createHostServer(host, logger)
    t.after(async () => {
      await host.close()
      await server.close()
    })
    const address = await listenAt(server, { host: '127.0.0.1', port: 0 })
    one?.registered.register({ workerId: 'self', tier: 'flash', address })
    await one?.view.exchange()
    await two?.view.exchange()
    await two?.registry.probe('self')
    t.match(two?.registry.list().find(({ workerId }) => workerId === 'self'), { state: 'serving' })
    t.match([one?.registered.ownRegistrations().length, two?.registered.ownRegistrations().length], [1, 0])
  })

  await t.test('without Redis each goes on with its last view, and joins again', async t => {
    const [one, two] = await startGateways(t, redis, 2)
    if (one === undefined || two === undefined) throw new Error('two gateways')
    one.registry.quarantine('w2', 'corrupt text')
    place(one)
    for (const gateway of [one, two, one]) await gateway.view.exchange()
    await redis.kill()
    for (let miss = 0; miss < 3; miss++) await two.view.exchange()
    t.match(two.registry.list().find(({ workerId }) => workerId === 'w2'), { state: 'quarantined' })
    t.equal(two.registry.list().filter(({ elsewhere }) => elsewhere.jobs > 0).length, 1, 'as they last told')
    for (let job = 0; job < 10; job++) t.not(place(two), 'w2')
    for (let miss = 0; miss < 10; miss++) await two.view.exchange()
    t.equal(two.registry.list().filter(({ elsewhere }) => elsewhere.jobs > 0).length, 0, 'too old to go by')
    await redis.restart()
    const other = new RedisPoolStore({ url: redis.url, commandTimeoutMs: 5000 })
    await other.quarantined()
    other.close()
    for (let attempt = 0; attempt < 200 && two.registry.list().every(({ elsewhere }) => elsewhere.jobs === 0); attempt++) {
      await one.view.exchange()
      await two.view.exchange()
    }
    t.equal(two.registry.list().filter(({ elsewhere }) => elsewhere.jobs > 0).length, 1)
  })
}
