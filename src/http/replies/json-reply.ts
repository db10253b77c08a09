/**
 * An answer as one JSON body.
 *
 * Clients give a silent connection up after some minutes, so a long answer sends blank lines (JSON allows them in front).
 * The first one commits to status 200. It is sent only after a worker has taken the job, and a failure after it
 * breaks the connection off: SDKs do not look for an error inside a 200, but they do notice a body that was cut.
 */
import type { ServerResponse } from 'node:http'
import type { FastifyReply } from 'fastify'
import type { AnswerPart } from '../../dialects/answer.js'
import { errorEnvelope, GatewayError, toGatewayError } from '../../errors.js'
import { costHeaders, workerHeaders } from '../answer/answer-headers.js'
import { commit } from './client-connection.js'

const contentType = 'application/json; charset=utf-8'

/** Sees every part; `build` is called after the last one and gives the body, or its JSON text; null = the answer is not finished. */
export interface WholeBuilder {
  add (part: AnswerPart): void
  build (): object | string | null
}

export interface JsonReplyOptions {
  reply: FastifyReply
  parts: AsyncIterable<AnswerPart>
  builder: WholeBuilder
  keepAliveMs: number
}

export async function sendJson ({ reply, parts, builder, keepAliveMs }: JsonReplyOptions): Promise<void> {
  const blankLines = new BlankLines(reply, keepAliveMs)
  try {
    for await (const part of parts) {
      builder.add(part)
      if (part.type === 'finished') reply.headers(costHeaders(part))
      if (part.type !== 'accepted') continue
      reply.headers(workerHeaders(part))
      blankLines.begin()
    }
    const body = builder.build()
    if (body === null) throw new GatewayError('worker_stream_broken', 'The worker ended the answer without finishing it')
    const text = typeof body === 'string' ? body : JSON.stringify(body)
    const response = blankLines.stop()
    if (response === null) await reply.type(contentType).send(text)
    else response.end(text)
  } catch (thrown) {
    const response = blankLines.stop()
    if (response === null) throw thrown
    breakOff(response, reply, toGatewayError(thrown))
  }
}

class BlankLines {
  readonly #reply: FastifyReply
  readonly #everyMs: number
  #response: ServerResponse | null = null
  #timer: NodeJS.Timeout | null = null

  constructor (reply: FastifyReply, everyMs: number) {
    this.#reply = reply
    this.#everyMs = everyMs
  }

  begin (): void {
    this.#timer ??= setInterval(() => {
      this.#response ??= commit(this.#reply, { 'content-type': contentType })
      if (!this.#response.destroyed) this.#response.write('\n')
    }, this.#everyMs)
  }

  /** @returns the response when a line was sent, and so the status */
  stop (): ServerResponse | null {
    if (this.#timer !== null) clearInterval(this.#timer)
    return this.#response
  }
}

function breakOff (response: ServerResponse, reply: FastifyReply, error: GatewayError): void {
  reply.request.observation.failed(error)
  if (response.destroyed) return
  reply.request.log.error({ err: error.cause ?? error }, 'answer failed after its first byte')
  response.write(JSON.stringify(errorEnvelope(error, reply.request.id)), () => response.destroy())
}
