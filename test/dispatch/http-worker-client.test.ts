import { once } from 'node:events'
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { HttpWorkerClient } from '../../src/dispatch/http-worker-client.js'
import type { JobEvent } from '../../workers/contract/event.js'
import { SimulatorEngine } from '../../workers/engines/simulator/simulator-engine.js'
import { startHost } from '../workers/host/start-host.js'
import { makeJob } from '../workers/make-job.js'

const never = new AbortController().signal

interface Teardown {
  after (callback: () => Promise<void>): void
}

/** A worker that says on the wire whatever a test wants. */
async function startRaw (t: Teardown, answer: (response: ServerResponse) => void): Promise<{ client: HttpWorkerClient, server: Server }> {
  const server = createServer((request, response) => { request.resume().on('end', () => answer(response)) })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = new HttpWorkerClient(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  t.after(async () => {
    await client.destroy()
    server.closeAllConnections()
    server.close()
  })
  return { client, server }
}

async function collect (client: HttpWorkerClient, signal = never): Promise<JobEvent[]> {
  const events: JobEvent[] = []
  for await (const event of client.generate(makeJob(), signal)) events.push(event)
  return events
}

const sse = { 'content-type': 'text/event-stream' }
const accepted = 'data: {"type":"accepted","cachedTokens":null}\n\n'

await t.test('it speaks to a host: readiness, description, load, a job, abort, drain', async t => {
  const { address } = await startHost(t, new SimulatorEngine())
  const client = new HttpWorkerClient(address)
  t.after(async () => await client.close())
  t.match(await client.readiness(), { state: 'ready', workerId: 'flash-0' })
  t.match(await client.describe(), { engine: 'simulator', tier: 'flash' })
  t.match(await client.load(), { running: 0 })
  const events = await collect(client)
  t.equal(events.length, 10)
  t.match(events.at(-1), { type: 'done', finish: 'length' })
  await client.abort({ requestIds: ['nobody'] })
  t.same(await client.drain(1000), { abortedJobs: 0 })
  t.match(await client.readiness(), { state: 'draining' })
  await t.rejects(collect(client), { name: 'WorkerFault', kind: 'refused', code: 'worker-draining', isRetryable: true })
})

await t.test('jobs one after the other share connections', async t => {
  const { client, server } = await startRaw(t, response => {
    response.writeHead(200, sse)
    response.end(accepted + 'data: {"type":"fail","code":"x","message":"","blame":"worker","retryable":true}\n\n')
  })
  let connections = 0
  server.on('connection', () => { connections += 1 })
  for (let count = 0; count < 5; count++) t.equal((await collect(client)).length, 2)
  t.ok(connections <= 2, `${connections} connections for 5 jobs`)
})

await t.test('an event may be cut anywhere on its way', async t => {
  const { client } = await startRaw(t, response => {
    response.writeHead(200, sse)
    const text = accepted + 'data: {"type":"tokens","ids":[5,6]}\n\n: a comment\n\ndata: {"type":"done","finish":"stop","stopTokenId":1,"usage":{"promptTokens":3,"completionTokens":2,"cachedTokens":null}}\n\n'
    const send = (at: number): void => {
      if (at >= text.length) {
        response.end()
        return
      }
      response.write(text.slice(at, at + 7))
      setImmediate(send, at + 7)
    }
    send(0)
  })
  t.same((await collect(client)).map(({ type }) => type), ['accepted', 'tokens', 'done'])
})

await t.test('what ends without a last word is broken', async t => {
  const ends: Array<[string, (response: ServerResponse) => void]> = [
    ['a proper end of the response', response => response.end(accepted)],
    ['a reset connection', response => { response.write(accepted, () => response.socket?.resetAndDestroy()) }],
    ['nonsense', response => response.end('data: {"type":"tokens","ids":[]}\n\n')],
    ['no JSON', response => response.end('data: hello\n\n')]
  ]
  for (const [name, end] of ends) {
    const { client } = await startRaw(t, response => {
      response.writeHead(200, sse)
      end(response)
    })
    await t.rejects(collect(client), { name: 'WorkerFault', kind: 'broken', isRetryable: true }, name)
  }
})

await t.test('a connection cut before the answer is broken as well: the job may have begun', async t => {
  const { client } = await startRaw(t, response => response.socket?.destroy())
  await t.rejects(collect(client), { name: 'WorkerFault', kind: 'broken' })
})

await t.test('nobody listening is unreachable', async t => {
  const { client, server } = await startRaw(t, response => response.end())
  await new Promise(resolve => server.close(resolve))
  await t.rejects(collect(client), { kind: 'unreachable', code: 'no-connection', isRetryable: true })
  const unix = new HttpWorkerClient('unix:/nonexistent/worker.sock')
  t.after(async () => await unix.destroy())
  await t.rejects(unix.readiness(), { name: 'WorkerFault', kind: 'unreachable' })
})

await t.test('a worker that takes the connection and says nothing is silent, not unreachable', async t => {
  const { server } = await startRaw(t, () => {})
  const client = new HttpWorkerClient(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, { controlMs: 20 })
  t.after(async () => await client.destroy())
  await t.rejects(client.readiness(), { name: 'WorkerFault', kind: 'silent', code: 'no-answer' })
})

await t.test('a refused job carries the worker\'s words; a wrong one is not retried', async t => {
  const { address } = await startHost(t, new SimulatorEngine())
  const client = new HttpWorkerClient(address)
  t.after(async () => await client.destroy())
  const job = makeJob({ checkpoint: 'other' })
  await t.rejects(client.generate(job, never).next(), { kind: 'refused', code: 'checkpoint-mismatch', blame: 'worker', isRetryable: true })
  await t.rejects(client.generate(makeJob({ tokenIds: [] }), never).next(), { kind: 'refused', code: 'invalid-job', blame: 'request', isRetryable: false, message: /\(tokenIds\)/ })
})

await t.test('an abort ends the wait for the next event at once, and closes the request', async t => {
  const { client, server } = await startRaw(t, response => {
    response.writeHead(200, sse)
    response.write(accepted)
  })
  const closed = new Promise<void>(resolve => server.once('request', (_request, response) => response.once('close', resolve)))
  const controller = new AbortController()
  const events = client.generate(makeJob(), controller.signal)
  await events.next()
  const next = events.next()
  controller.abort(new Error('enough'))
  await t.rejects(next, { message: 'enough' })
  await closed
})

await t.test('returning early closes the request', async t => {
  const { client, server } = await startRaw(t, response => {
    response.writeHead(200, sse)
    response.write(accepted)
  })
  const closed = new Promise<void>(resolve => server.once('request', (_request, response) => response.once('close', resolve)))
  const events = client.generate(makeJob(), never)
  t.match((await events.next()).value, { type: 'accepted' })
  await events.return()
  await closed
})
