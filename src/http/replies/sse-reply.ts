/**
 * An answer as server-sent events.
 *
 * Until a worker has taken the job and said something (or been silent for `keepAliveMs`), nothing is on the wire and a failure is
 * still an ordinary error response: this function throws it. After that a stream ends in one of two ways, `[DONE]` or an
 * error event. Ending quietly would read as success: the OpenAI SDK finishes its loop without complaint.
 */
import type { ServerResponse } from 'node:http'
import type { FastifyReply } from 'fastify'
import type { AnswerPart } from '../../dialects/answer.js'
import { errorEnvelope, toGatewayError, type ErrorEnvelope } from '../../errors.js'
import { workerHeaders } from '../answer/answer-headers.js'
import { commit, writeAtClientsPace } from './client-connection.js'

/** A dialect's chunks; each is one `data:` line. */
export interface ChunkWriter {
  first (): object
  progress (part: Extract<AnswerPart, { type: 'progress' }>): object[]
  finished (part: Extract<AnswerPart, { type: 'finished' }>): object[]
  failed (envelope: ErrorEnvelope): object
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
    let hasBegun = false
    for await (const part of parts) {
      if (part.type === 'accepted') {
        reply.headers(workerHeaders(part))
        stream.keepAlive()
        continue
      }
      if (!hasBegun) await stream.send([chunks.first()])
      hasBegun = true
      await stream.send(part.type === 'progress' ? chunks.progress(part) : chunks.finished(part))
    }
    stream.end('data: [DONE]\n\n')
  } catch (thrown) {
    stream.stopKeepAlive()
    if (!stream.isOpen) throw thrown
    const error = toGatewayError(thrown)
    reply.request.logFields['error'] = error.code
    if (error.code !== 'client_closed_request') reply.request.log.error({ err: error.cause ?? error }, 'stream failed after it began')
    stream.end(dataLine(chunks.failed(errorEnvelope(error, reply.request.id))))
  }
}

function dataLine (chunk: object): string {
  return `data: ${JSON.stringify(chunk)}\n\n`
}

class SseStream {
  readonly #options: SseReplyOptions
  #response: ServerResponse | null = null
  #timer: NodeJS.Timeout | null = null

  constructor (options: SseReplyOptions) {
    this.#options = options
  }

  get isOpen (): boolean {
    return this.#response !== null
  }

  async send (chunks: object[]): Promise<void> {
    if (chunks.length === 0) return
    await writeAtClientsPace(this.#open(), chunks.map(dataLine).join(''), this.#options.stalledClientMs)
    this.#timer?.refresh()
  }

  keepAlive (): void {
    this.#timer ??= setInterval(() => {
      const response = this.#open()
      if (!response.writableNeedDrain && !response.destroyed) response.write(': keep-alive\n\n')
    }, this.#options.keepAliveMs)
  }

  stopKeepAlive (): void {
    if (this.#timer !== null) clearInterval(this.#timer)
  }

  end (text: string): void {
    this.stopKeepAlive()
    const response = this.#open()
    if (!response.destroyed) response.end(text)
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
