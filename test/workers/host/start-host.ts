import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createParser } from 'eventsource-parser'
import { pino } from 'pino'
import { Client, type Dispatcher } from 'undici'
import type { JobEvent } from '../../../workers/contract/event.js'
import type { Engine } from '../../../workers/engines/engine.js'
import { createHostServer, listenAt } from '../../../workers/host/host-server.js'
import { WorkerHost } from '../../../workers/host/worker-host.js'

export interface StartedHost {
  host: WorkerHost
  /** `unix:/path`. */
  address: string
  /** A call to the listening server. */
  call (method: 'GET' | 'POST', path: string, body?: unknown, signal?: AbortSignal): Promise<Dispatcher.ResponseData>
}

interface Teardown {
  after (callback: () => Promise<void>): void
}

/** A worker host on a unix socket of its own, taken down with the test. */
export async function startHost (t: Teardown, engine: Engine | Promise<Engine>, workerId = 'flash-0'): Promise<StartedHost> {
  const host = new WorkerHost({ workerId, tier: 'flash' }, Promise.resolve(engine))
  const server = createHostServer(host, pino({ level: 'silent' }))
  const folder = await mkdtemp(join(tmpdir(), 'host-'))
  const address = await listenAt(server, { socketPath: join(folder, 'worker.sock') })
  const client = new Client('http://worker', { socketPath: join(folder, 'worker.sock'), pipelining: 0 })
  const clients = new Set<Client>([client])
  t.after(async () => {
    await Promise.all([...clients].map(async one => await one.destroy()))
    await server.close()
    await host.close()
    await rm(folder, { recursive: true, force: true })
  })
  return {
    host,
    address,
    async call (method, path, body, signal) {
      // One connection per call, so that a stream that is still open holds up nobody.
      const own = new Client('http://worker', { socketPath: join(folder, 'worker.sock') })
      clients.add(own)
      return await own.request({
        method,
        path,
        ...(signal === undefined ? {} : { signal }),
        ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } })
      })
    }
  }
}

/** The events of a generate response, as they come. */
export async function * eventsOf ({ body }: Dispatcher.ResponseData): AsyncGenerator<JobEvent, void, undefined> {
  const events: JobEvent[] = []
  const parser = createParser({ onEvent: ({ data }) => { events.push(JSON.parse(data) as JobEvent) } })
  for await (const bytes of body) {
    parser.feed(String(bytes))
    yield * events.splice(0)
  }
}

export async function allEvents (response: Dispatcher.ResponseData): Promise<JobEvent[]> {
  const events: JobEvent[] = []
  for await (const event of eventsOf(response)) events.push(event)
  return events
}
