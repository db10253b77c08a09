/** The worker contract over HTTP/1.1 and server-sent events, on a unix socket or TCP. */
import { createParser } from 'eventsource-parser'
import { errors, Pool, type Dispatcher } from 'undici'
import type { z } from 'zod'
import { drainReportSchema, readinessSchema, refusalSchema, type AbortRequest, type DrainReport, type Readiness } from '../../workers/contract/control.js'
import { workerDescriptionSchema, type WorkerDescription } from '../../workers/contract/description.js'
import { jobEventSchema, loadReportSchema, type JobEvent, type LoadReport } from '../../workers/contract/event.js'
import type { Job } from '../../workers/contract/job.js'
import type { WorkerClient } from './worker-client.js'
import { WorkerFault } from './worker-fault.js'

export interface HttpWorkerClientOptions {
  connectMs?: number
  /** From the last byte of a job to the status line; a worker answers at once, before it computes. */
  headersMs?: number
  /** Bound of probes and aborts. */
  controlMs?: number
}

type Method = 'GET' | 'POST'

interface Extras {
  headers?: Readonly<Record<string, string>>
  /** 0 = wait for the status line as long as the signal allows. */
  headersTimeout?: number
}

export class HttpWorkerClient implements WorkerClient {
  readonly address: string
  readonly #pool: Pool
  readonly #controlMs: number

  /** @param address `unix:/path/to.sock` or `http://host:port` */
  constructor (address: string, { connectMs = 2000, headersMs = 10_000, controlMs = 5000 }: HttpWorkerClientOptions = {}) {
    this.address = address
    this.#controlMs = controlMs
    const socketPath = address.startsWith('unix:') ? address.slice('unix:'.length) : null
    this.#pool = new Pool(socketPath === null ? address : 'http://worker', {
      headersTimeout: headersMs,
      // How long a stream may be silent is decided by dispatch, which knows the job.
      bodyTimeout: 0,
      connect: { timeout: connectMs, ...(socketPath === null ? {} : { socketPath }) }
    })
  }

  async readiness (): Promise<Readiness> {
    const response = await this.#send('GET', '/ready', null, AbortSignal.timeout(this.#controlMs))
    // 503 carries the same body: "not now" is an answer, not a fault.
    return await this.#parse(response, readinessSchema)
  }

  async describe (): Promise<WorkerDescription> {
    return await this.#call('GET', '/v1/describe', null, workerDescriptionSchema)
  }

  async load (): Promise<LoadReport> {
    return await this.#call('GET', '/v1/load', null, loadReportSchema)
  }

  async abort (request: AbortRequest): Promise<void> {
    const response = await this.#accepted('POST', '/v1/abort', request, AbortSignal.timeout(this.#controlMs))
    await response.body.dump()
  }

  async drain (budgetMs: number): Promise<DrainReport> {
    const response = await this.#accepted('POST', '/v1/drain', { budgetMs }, AbortSignal.timeout(budgetMs + this.#controlMs), { headersTimeout: 0 })
    return await this.#parse(response, drainReportSchema)
  }

  async * generate (job: Job, signal: AbortSignal, headers: Readonly<Record<string, string>> = {}): AsyncGenerator<JobEvent, void, undefined> {
    const { body } = await this.#accepted('POST', '/v1/generate', job, signal, { headers })
    const events: JobEvent[] = []
    const parser = createParser({ onEvent: ({ data }) => { events.push(parseEvent(data)) } })
    const decoder = new TextDecoder()
    // Destroying a body that is not finished makes it emit an error, after everybody has stopped listening.
    body.on('error', () => {})
    let isEnded = false
    try {
      for await (const bytes of body.iterator({ destroyOnReturn: false })) {
        parser.feed(decoder.decode(bytes, { stream: true }))
        for (const event of events.splice(0)) {
          isEnded = event.type === 'done' || event.type === 'fail'
          yield event
          if (isEnded) return
        }
      }
      throw broken('the stream ended without done or fail')
    } catch (error) {
      signal.throwIfAborted()
      throw error instanceof WorkerFault ? error : broken(`the stream was cut: ${messageOf(error)}`, error)
    } finally {
      // The worker closes after the last event; reading that close keeps the connection for the next job.
      if (isEnded) body.dump().catch(() => {})
      else body.destroy()
    }
  }

  async close (): Promise<void> {
    if (!this.#pool.closed) await this.#pool.close()
  }

  async destroy (): Promise<void> {
    if (!this.#pool.destroyed) await this.#pool.destroy()
  }

  async #call<T> (method: Method, path: string, body: unknown, schema: z.ZodType<T>): Promise<T> {
    return await this.#parse(await this.#accepted(method, path, body, AbortSignal.timeout(this.#controlMs)), schema)
  }

  /** A 2xx answer. */
  async #accepted (method: Method, path: string, body: unknown, signal: AbortSignal, extras: Extras = {}): Promise<Dispatcher.ResponseData> {
    const response = await this.#send(method, path, body, signal, extras)
    if (response.statusCode < 300) return response
    const { error } = await this.#parse(response, refusalSchema)
    const message = error.path === null ? error.message : `${error.message} (${error.path})`
    const isWrong = response.statusCode < 500 && response.statusCode !== 409
    throw new WorkerFault('refused', message, { code: error.code, blame: isWrong ? 'request' : 'worker', isRetryable: !isWrong })
  }

  async #send (method: Method, path: string, body: unknown, signal: AbortSignal, { headers, headersTimeout }: Extras = {}): Promise<Dispatcher.ResponseData> {
    try {
      return await this.#pool.request({
        method,
        path,
        signal,
        ...(headersTimeout === undefined ? {} : { headersTimeout }),
        ...(body === null ? {} : { body: JSON.stringify(body), headers: { ...headers, 'content-type': 'application/json' } })
      })
    } catch (error) {
      if (signal.aborted && !isTimeout(signal.reason)) throw signal.reason
      throw unreachable(error)
    }
  }

  async #parse<T> (response: Dispatcher.ResponseData, schema: z.ZodType<T>): Promise<T> {
    let body: unknown
    try {
      body = await response.body.json()
    } catch (error) {
      throw unreachable(error)
    }
    const parsed = schema.safeParse(body)
    if (parsed.success) return parsed.data
    throw broken(`status ${response.statusCode} with a body outside the contract`, parsed.error)
  }
}

function parseEvent (data: string): JobEvent {
  try {
    return jobEventSchema.parse(JSON.parse(data))
  } catch (error) {
    throw broken('an event outside the contract', error)
  }
}

function broken (message: string, cause?: unknown): WorkerFault {
  return new WorkerFault('broken', message, { code: 'stream-broken', blame: 'worker', isRetryable: true, cause })
}

/** The answer never came. Unless the connection itself failed, the worker may have begun to compute. */
function unreachable (error: unknown): WorkerFault {
  const isHeld = error instanceof errors.HeadersTimeoutError || isTimeout(error)
  const hasHungUp = error instanceof errors.SocketError || (error instanceof Error && 'code' in error && error.code === 'ECONNRESET')
  if (hasHungUp) return broken(`the connection was cut: ${messageOf(error)}`, error)
  const code = isHeld ? 'no-answer' : 'no-connection'
  return new WorkerFault(isHeld ? 'silent' : 'unreachable', messageOf(error), { code, blame: 'network', isRetryable: true, cause: error })
}

function isTimeout (error: unknown): boolean {
  return error instanceof Error && error.name === 'TimeoutError'
}

function messageOf (error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
