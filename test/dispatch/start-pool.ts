import { pino } from 'pino'
import type { DispatchEvent, Dispatcher, JobRequest } from '../../src/dispatch/dispatch-event.js'
import { HttpDispatcher, type DispatcherOptions } from '../../src/dispatch/http-dispatcher.js'
import { HttpWorkerClient } from '../../src/dispatch/http-worker-client.js'
import { WorkerRegistry } from '../../src/dispatch/worker-registry.js'
import type { Engine } from '../../workers/engines/engine.js'
import { startHost, type StartedHost } from '../workers/host/start-host.js'
import { makeJob } from '../workers/make-job.js'
import { ManualClock } from './manual-clock.js'

export const logger = pino({ level: 'silent' })
export const never = new AbortController().signal

interface Teardown {
  after (callback: () => Promise<void>): void
}

export interface StartedPool {
  registry: WorkerRegistry
  /** The registry's time: probes happen only when asked for. */
  registryClock: ManualClock
  dispatcher: HttpDispatcher
  hosts: StartedHost[]
}

/** Listening hosts named w0, w1, ... around these engines, all of them serving, and a dispatcher that prefers the first among equals. */
export async function startPool (t: Teardown, engines: Array<Engine | Promise<Engine>>, options: Partial<DispatcherOptions> = {}): Promise<StartedPool> {
  const registryClock = new ManualClock()
  const registry = new WorkerRegistry({ logger, clock: registryClock })
  const hosts: StartedHost[] = []
  for (const [index, engine] of engines.entries()) hosts.push(await addWorker(t, registry, engine, `w${index}`))
  const dispatcher = new HttpDispatcher({ registry, logger, random: () => 0, backoffMs: 1, ...options })
  t.after(async () => {
    dispatcher.close()
    registry.close()
  })
  return { registry, registryClock, dispatcher, hosts }
}

export async function addWorker (t: Teardown, registry: WorkerRegistry, engine: Engine | Promise<Engine>, workerId: string): Promise<StartedHost> {
  const host = await startHost(t, engine, workerId)
  const client = new HttpWorkerClient(host.address)
  t.after(async () => await client.destroy())
  registry.add(workerId, 'flash', client)
  await registry.probe(workerId)
  return host
}

export function makeRequest (rest: Partial<JobRequest> = {}): JobRequest {
  const { attempt: _attempt, chat: _chat, ...job } = makeJob({ sampling: { maxTokens: 20 } })
  return { ...job, ...rest }
}

export interface Answer {
  ids: number[]
  events: DispatchEvent[]
}

export async function answerOf (dispatcher: Dispatcher, request = makeRequest(), signal = never): Promise<Answer> {
  const events: DispatchEvent[] = []
  for await (const event of dispatcher.generate(request, signal)) events.push(event)
  return { events, ids: idsOf(events) }
}

export function idsOf (events: DispatchEvent[]): number[] {
  return events.flatMap(event => event.type === 'tokens' ? event.ids : [])
}

/** Lets other work go on until the condition holds; bounded by the test's own timeout. */
export async function until (condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise(resolve => setImmediate(resolve))
}

/** Resolves when the registry has changed so that the condition holds. */
export async function changed (registry: WorkerRegistry, condition: () => boolean): Promise<void> {
  if (condition()) return
  await new Promise<void>(resolve => {
    const stop = registry.onChange(() => {
      if (!condition()) return
      stop()
      resolve()
    })
  })
}
