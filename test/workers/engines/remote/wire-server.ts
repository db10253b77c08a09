/** A small server that answers as an engine was seen (or is documented) to answer, and remembers what it was asked. */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { join } from 'node:path'
import type { JobEvent } from '../../../../workers/contract/event.js'
import type { Job } from '../../../../workers/contract/job.js'
import type { Engine } from '../../../../workers/engines/engine.js'
import type { RemoteSettings } from '../../../../workers/engines/remote/served-checkpoint.js'

export interface Seen {
  path: string
  headers: IncomingMessage['headers']
  body: unknown
}

/** Answers `METHOD /path`; what is not listed is 404. */
export type Routes = Record<string, (body: unknown, response: ServerResponse) => void>

export interface WireServer {
  url: string
  seen: Seen[]
  /** Replaces answers while the server runs. */
  routes: Routes
  /** Resolves when a client has hung up in the middle of an answer. */
  hungUp: Promise<void>
  /** Drops every connection and stops listening, as a killed process does. */
  stop (): Promise<void>
}

interface Teardown { after (callback: () => Promise<void>): void }

export async function startWireServer (t: Teardown, routes: Routes): Promise<WireServer> {
  const seen: Seen[] = []
  let markHungUp: () => void = () => {}
  const hungUp = new Promise<void>(resolve => { markHungUp = resolve })
  const wire = { routes }
  const server = createServer((request, response) => {
    let text = ''
    request.setEncoding('utf8')
    request.on('data', (part: string) => { text += part })
    request.on('end', () => {
      const body: unknown = text === '' ? null : JSON.parse(text)
      const path = request.url ?? ''
      seen.push({ path, headers: request.headers, body })
      response.on('close', () => { if (!response.writableEnded) markHungUp() })
      const route = wire.routes[`${request.method} ${path}`]
      if (route === undefined) sendJson(response, 404, { detail: 'Not Found' })
      else route(body, response)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  const stop = async (): Promise<void> => {
    if (!server.listening) return
    const closed = once(server, 'close')
    server.close()
    server.closeAllConnections()
    await closed
  }
  t.after(stop)
  return {
    url: `http://127.0.0.1:${address.port}`,
    seen,
    hungUp,
    stop,
    get routes () { return wire.routes },
    set routes (value) { wire.routes = value }
  }
}

export function sendJson (response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

/** Text of test/fixtures/wire (this file runs from dist). */
export function wireText (name: string): string {
  return readFileSync(join(import.meta.dirname, '../../../../../test/fixtures/wire', name), 'utf8')
}

export function sendStream (response: ServerResponse, text: string): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' }).end(text)
}

export const served: RemoteSettings['served'] = {
  name: 'simulated',
  revision: 'r1',
  trained: true,
  effortLadder: '0731',
  vocabularySize: 129_280,
  contextTokens: null
}

export function settingsOf (url: string, settings: Partial<RemoteSettings> = {}): RemoteSettings {
  return { url, model: null, apiKey: null, served, startMs: 0, ...settings }
}

export async function answerOf (engine: Engine, job: Job, signal = new AbortController().signal): Promise<JobEvent[]> {
  const events: JobEvent[] = []
  for await (const event of engine.generate(job, signal)) events.push(event)
  return events
}

export function idsOf (events: readonly JobEvent[]): number[] {
  return events.flatMap(event => event.type === 'tokens' ? event.ids : [])
}
