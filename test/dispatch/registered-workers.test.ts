import Fastify from 'fastify'
import t from 'tap'
import { RegisteredWorkers } from '../../src/dispatch/registered-workers.js'
import { HttpDispatcher } from '../../src/dispatch/http-dispatcher.js'
import { WorkerRegistry } from '../../src/dispatch/worker-registry.js'
import { registrationRoute } from '../../src/http/admin/registration-route.js'
import { SimulatorEngine } from '../../workers/engines/simulator/simulator-engine.js'
import { createHostServer, listenAt } from '../../workers/host/host-server.js'
import { keepRegistered } from '../../workers/host/registration.js'
import { WorkerHost } from '../../workers/host/worker-host.js'
import { ManualClock } from './manual-clock.js'
import { answerOf, changed, logger, makeRequest, never } from './start-pool.js'

interface Teardown { after (callback: () => Promise<void>): void }

async function startGateway (t: Teardown) {
  const clock = new ManualClock()
  const registry = new WorkerRegistry({ logger })
  const registered = new RegisteredWorkers({ registry, clock, leaseMs: 30_000 })
  const app = Fastify({ forceCloseConnections: true })
  await app.register(registrationRoute, { registered })
  const gateway = await app.listen({ host: '127.0.0.1', port: 0 })
  t.after(async () => {
    await app.close()
    await registered.destroy()
    registry.close()
  })
  return { clock, registry, registered, gateway }
}

async function startWorker (t: Teardown, engine = new SimulatorEngine()): Promise<string> {
  const host = new WorkerHost({ workerId: 'w', tier: 'flash' }, Promise.resolve(engine))
  const server = createHostServer(host, logger)
  t.after(async () => {
    await host.close()
    await server.close()
  })
  return await listenAt(server, { host: '127.0.0.1', port: 0 })
}

await t.test('a worker makes itself known, serves, and leaves', async t => {
  const { registry, gateway } = await startGateway(t)
  const address = await startWorker(t)
  const leaving = new AbortController()
  const kept = keepRegistered({ gateway, secret: null, registration: { workerId: 'self', tier: 'flash', address }, onError: error => { t.fail(String(error)) } }, leaving.signal)
  await changed(registry, () => registry.isReady('flash'))
  const dispatcher = new HttpDispatcher({ registry, logger })
  t.equal((await answerOf(dispatcher)).ids.length, 20)
  dispatcher.close()
  leaving.abort()
  await kept
  t.same(registry.list(), [])
})

await t.test('who does not renew is taken out, and its streams go on to their end', async t => {
  const { registry, registered, clock } = await startGateway(t)
  let letGo = (): void => {}
  const held = new Promise<void>(resolve => { letGo = resolve })
  const address = await startWorker(t, new SimulatorEngine({ answer: async function * () { yield 5; await held; yield * [6, 7, 1] } }))
  registered.register({ workerId: 'self', tier: 'flash', address })
  await registry.probe('self')
  const dispatcher = new HttpDispatcher({ registry, logger })
  t.after(async () => { dispatcher.close() })
  const events = dispatcher.generate(makeRequest({ sampling: { ...makeRequest().sampling, stopTokenIds: [1] } }), never)
  t.match((await events.next()).value, { type: 'accepted' })
  t.match((await events.next()).value, { type: 'tokens', ids: [5] })
  clock.advance(20_000)
  t.same(registered.register({ workerId: 'self', tier: 'flash', address }), { leaseMs: 30_000 })
  clock.advance(20_000)
  t.equal(registry.list().length, 1, 'renewed')
  clock.advance(10_000)
  t.same(registry.list(), [])
  letGo()
  const rest = []
  for await (const event of events) rest.push(event)
  t.match(rest, [{ type: 'tokens', ids: [6] }, { type: 'tokens', ids: [7] }, { type: 'done', finish: 'stop' }])
})

await t.test('a name of the settings is not taken, nor anything but a registration', async t => {
  const { registry, gateway, registered } = await startGateway(t)
  const address = await startWorker(t)
  registered.register({ workerId: 'self', tier: 'flash', address })
  await registry.probe('self')
  const post = async (body: unknown): Promise<number> => (await fetch(`${gateway}/admin/api/workers`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })).status
  const client = registry.list()[0]?.client
  if (client !== undefined) registry.add('flash-0', 'flash', client)
  t.equal(await post({ workerId: 'flash-0', tier: 'flash', address }), 409)
  t.equal(await post({ workerId: 'x', tier: 'flash', address: 'file:///etc/passwd' }), 400)
  t.equal(await post({ workerId: '../x', tier: 'flash', address }), 400)
  t.equal((await fetch(`${gateway}/admin/api/workers/flash-0`, { method: 'DELETE' })).status, 404)
})
