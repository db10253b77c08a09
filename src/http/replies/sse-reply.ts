/**
 * An answer as server-sent events.
 *
 * Until a worker has taken the job and said something, or the request has been silent for `keepAliveMs` (on a worker, or in line for
 * one), nothing is on the wire and a failure is still an ordinary error response: this function throws it. After that a stream ends in one of two ways, as its dialect
 * ends a good one, or in an error event. Ending quietly would read as success: the OpenAI SDK finishes its loop without complaint.
 */
import type { ServerResponse } from 'node:http'
import type { FastifyReply } from 'fastify'
import type { AcceptedPart, AnswerPart, FinishedPart, ProgressPart } from '../../dialects/answer.js'
import { toGatewayError, type GatewayError } from '../../errors.js'
import { workerHeaders } from '../answer/answer-headers.js'
import { commit, writeAtClientsPace } from './client-connection.js'

/** A dialect's events; each is one `data:` line. */
export interface ChunkWriter {
  /** `chunks` end in `[DONE]`; `events` have their `type` as the name of the event, and end by themselves. */
  readonly form: 'chunks' | 'events'
  /** Goes before every other event. */
  first (accepted: AcceptedPart): object[]
  progress (part: ProgressPart): object[]
  finished (part: FinishedPart): object[]
  /** The last events of a stream that failed after it began. */
  failed (error: GatewayError, requestId: string): object[]
  /** What a silent stream says; without it, a comment. */
  keepAlive? (): object[]
}

export interface SseReplyOptions {
  reply: FastifyReply
  parts: AsyncIterable<AnswerPart>
  chunks: ChunkWriter
  keepAliveMs: number
  stalledClientMs: number
}

export async function sendSse (options: SseReplyOptions): Promise<void> {
  const { reply, parts, chunks } = options
  const stream = new SseStream(options)
  try {
    for await (const part of parts) {
      if (part.type === 'accepted') {
        if (!stream.isOpen) reply.headers(workerHeaders(part))
        stream.accept(part)
      } else {
        await stream.send(() => part.type === 'progress' ? chunks.progress(part) : chunks.finished(part))
      }
    }
    stream.end(chunks.form === 'chunks' ? 'data: [DONE]\n\n' : '')
  } catch (thrown) {
    stream.stopKeepAlive()
    if (!stream.isOpen) throw thrown
    const error = toGatewayError(thrown)
    reply.request.observation.failed(error)
    if (error.code !== 'client_closed_request') reply.request.log.error({ err: error.cause ?? error }, 'stream failed after it began')
    stream.end(stream.textOf(chunks.failed(error, reply.request.id)))
  }
}

class SseStream {
  readonly #options: SseReplyOptions
  #response: ServerResponse | null = null
  readonly #timer: NodeJS.Timeout
  #accepted: AcceptedPart | null = null
  #hasBegun = false

  constructor (options: SseReplyOptions) {
    this.#options = options
    this.#timer = setInterval(() => { this.#keepAlive() }, options.keepAliveMs)
  }

  get isOpen (): boolean {
    return this.#response !== null
  }

  /** From here on silence is filled with the dialect's own words. */
  accept (part: AcceptedPart): void {
    this.#accepted = part
    // The headers that would have said it are gone.
    if (this.#response !== null && !this.#hasBegun) this.#response.write(`: a worker after ${Math.round(part.queueMs)} ms in line\n\n`)
    this.#timer.refresh()
  }

  /** Asks for the events only after those that go first: a dialect may number them. */
  async send (events: () => object[]): Promise<void> {
    const text = this.#begin() + this.textOf(events())
    if (text === '') return
    await writeAtClientsPace(this.#open(), text, this.#options.stalledClientMs)
    this.#timer.refresh()
  }

  stopKeepAlive (): void {
    clearInterval(this.#timer)
  }

  end (text: string): void {
    this.stopKeepAlive()
    const response = this.#open()
    if (!response.destroyed) response.end(text)
  }

  textOf (events: object[]): string {
    const isNamed = this.#options.chunks.form === 'events'
    return events.map(event => `${isNamed && 'type' in event ? `event: ${String(event.type)}\n` : ''}data: ${JSON.stringify(event)}\n\n`).join('')
  }

  #keepAlive (): void {
    const { chunks, reply } = this.#options
    const { place } = reply.request.observation
    // Neither in line nor on a worker: what is being done is short, and its failure deserves a status.
    if (this.#accepted === null && place === null && this.#response === null) return
    const response = this.#open()
    if (response.writableNeedDrain || response.destroyed) return
    if (place !== null) response.write(`: in line, position ${place.position} of ${place.waiting} (${place.reason})\n\n`)
    else response.write(chunks.keepAlive === undefined || this.#accepted === null ? ': keep-alive\n\n' : this.#begin() + this.textOf(chunks.keepAlive()))
  }

  #begin (): string {
    if (this.#hasBegun || this.#accepted === null) return ''
    this.#hasBegun = true
    return this.textOf(this.#options.chunks.first(this.#accepted))
  }

  #open (): ServerResponse {
    this.#response ??= commit(this.#options.reply, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache',
      // nginx would otherwise collect the stream before it passes it on.
      'x-accel-buffering': 'no'
    })
    return this.#response
  }
}
