/**
 * The HTTP server of an engine that we did not write. Its address and key come from this worker's settings and
 * nowhere else: no field of a job ever becomes part of an address.
 */
import { createParser } from 'eventsource-parser'
import { errors, Pool, type Dispatcher } from 'undici'
import { z } from 'zod'
import { brokenStream, EngineFault, faultOfStatus } from './engine-fault.js'
import { traceContext } from './trace-context.js'

export interface EngineServerOptions {
  /** `http(s)://host:port[/path]`, without a slash at the end, or `unix:/path`. */
  url: string
  /** Sent as a bearer token; null = none. */
  apiKey: string | null
  connectMs?: number
  /** From the last byte of a job to the status line. Engines answer when the job is queued; some only with the first token. */
  headersMs?: number
  /** Bound of probes, load reports and aborts. */
  controlMs?: number
}

/** Every shape of an error body met so far: OpenAI's, llama-server's, FastAPI's, SGLang's. */
const errorBodySchema = z.union([
  z.object({ error: z.object({ message: z.string(), code: z.union([z.number(), z.string()]).nullish() }) }).transform(({ error }) => error.message),
  z.object({ error: z.string() }).transform(({ error }) => error),
  z.object({ message: z.string() }).transform(({ message }) => message),
  z.object({ detail: z.unknown() }).transform(({ detail }) => typeof detail === 'string' ? detail : JSON.stringify(detail))
])

/** An error in the middle of a stream that had begun with 200. */
const errorEventSchema = z.object({ error: z.union([z.string(), z.object({ message: z.string().default('no reason given'), code: z.union([z.number(), z.string()]).nullish() })]) })

export class EngineServer {
  readonly #pool: Pool
  readonly #basePath: string
  readonly #headers: Record<string, string>
  readonly #controlMs: number

  constructor ({ url, apiKey, connectMs = 2000, headersMs = 600_000, controlMs = 5000 }: EngineServerOptions) {
    const socketPath = url.startsWith('unix:') ? url.slice('unix:'.length) : null
    const { origin, pathname } = new URL(socketPath === null ? url : 'http://engine')
    this.#basePath = pathname.replace(/\/+$/, '')
    this.#headers = apiKey === null ? {} : { authorization: `Bearer ${apiKey}` }
    this.#controlMs = controlMs
    // How long a stream may be silent is the gateway's to decide: it knows the job.
    this.#pool = new Pool(origin, { headersTimeout: headersMs, bodyTimeout: 0, connect: { timeout: connectMs, ...(socketPath === null ? {} : { socketPath }) } })
  }

  /** @throws EngineFault for anything but a 2xx answer of the expected shape */
  async json<T> (method: 'GET' | 'POST', path: string, schema: z.ZodType<T>, body?: unknown): Promise<T> {
    const text = await this.text(method, path, body)
    const parsed = schema.safeParse(parseJson(text))
    if (parsed.success) return parsed.data
    throw new EngineFault('engine-not-understood', `${path} answered ${text.slice(0, 200)}`, { blame: 'worker', isRetryable: true, cause: parsed.error })
  }

  /** @throws EngineFault for anything but a 2xx answer */
  async text (method: 'GET' | 'POST', path: string, body?: unknown): Promise<string> {
    const { status, text } = await this.answer(method, path, body)
    if (status >= 300) throw faultOfStatus(status, messageOf(text))
    return text
  }

  /** Any answer counts: for probes that want to know whether a path exists. @throws EngineFault when there is none */
  async answer (method: 'GET' | 'POST', path: string, body?: unknown): Promise<{ status: number, text: string }> {
    const response = await this.#send(method, path, body, {}, AbortSignal.timeout(this.#controlMs))
    try {
      return { status: response.statusCode, text: await response.body.text() }
    } catch (error) {
      throw unreachable(error)
    }
  }

  /**
   * An answer that takes as long as the job.
   * @throws EngineFault for a refusal or a broken connection; the signal's reason when it aborts
   */
  async whole (path: string, body: unknown, signal: AbortSignal): Promise<unknown> {
    const response = await this.#send('POST', path, body, {}, signal)
    let text: string
    try {
      text = await response.body.text()
    } catch (error) {
      signal.throwIfAborted()
      throw brokenStream(`the engine's answer was cut: ${wordsOf(error)}`, error)
    }
    if (response.statusCode >= 300) throw faultOfStatus(response.statusCode, messageOf(text))
    return parseJson(text)
  }

  /**
   * The `data:` of each event of a streamed answer, parsed as JSON, without `[DONE]`. Ends when the server says so. Returning
   * early, or aborting, closes the connection, which is how every engine is first told to stop.
   *
   * @throws EngineFault for a refusal, an error event or a broken connection; the signal's reason when it aborts
   */
  async * stream (path: string, body: unknown, signal: AbortSignal, headers: Record<string, string> = {}): AsyncGenerator<unknown, void, undefined> {
    const response = await this.#send('POST', path, body, headers, signal)
    if (response.statusCode >= 300) throw faultOfStatus(response.statusCode, messageOf(await response.body.text()))
    const events: string[] = []
    const parser = createParser({ onEvent: ({ data }) => { events.push(data) } })
    const decoder = new TextDecoder()
    // Destroying a body that is not finished makes it emit an error, after everybody has stopped listening.
    response.body.on('error', () => {})
    let isEnded = false
    try {
      for await (const bytes of response.body.iterator({ destroyOnReturn: false })) {
        parser.feed(decoder.decode(bytes, { stream: true }))
        for (const data of events.splice(0)) {
          isEnded = data === '[DONE]'
          if (isEnded) return
          yield checkedEvent(data)
        }
      }
      isEnded = true
    } catch (error) {
      signal.throwIfAborted()
      throw error instanceof EngineFault ? error : brokenStream(`the engine's stream was cut: ${wordsOf(error)}`, error)
    } finally {
      if (isEnded) response.body.dump().catch(() => {})
      else response.body.destroy()
    }
  }

  async close (): Promise<void> {
    if (!this.#pool.destroyed) await this.#pool.destroy()
  }

  async #send (method: 'GET' | 'POST', path: string, body: unknown, headers: Record<string, string>, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
    try {
      return await this.#pool.request({
        method,
        path: this.#basePath + path,
        signal,
        headers: { ...this.#headers, ...traceContext.getStore(), ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
        ...(body === undefined ? {} : { body: JSON.stringify(body) })
      })
    } catch (error) {
      if (signal.aborted && !isTimeout(signal.reason)) throw signal.reason
      throw unreachable(error)
    }
  }
}

function checkedEvent (data: string): unknown {
  const value = parseJson(data)
  if (value === null) throw brokenStream(`the engine sent an event that is no JSON: ${data.slice(0, 200)}`)
  const failure = errorEventSchema.safeParse(value)
  if (!failure.success) return value
  const { error } = failure.data
  if (typeof error === 'string') throw faultOfStatus(500, error)
  throw faultOfStatus(typeof error.code === 'number' ? error.code : 500, error.message)
}

function messageOf (text: string): string {
  const parsed = errorBodySchema.safeParse(parseJson(text))
  return parsed.success ? parsed.data : text.slice(0, 500)
}

function parseJson (text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

function unreachable (error: unknown): EngineFault {
  const isHeld = error instanceof errors.HeadersTimeoutError || isTimeout(error)
  return new EngineFault(isHeld ? 'engine-silent' : 'engine-unreachable', wordsOf(error), { blame: 'worker', isRetryable: true, cause: error })
}

function isTimeout (error: unknown): boolean {
  return error instanceof Error && error.name === 'TimeoutError'
}

function wordsOf (error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
