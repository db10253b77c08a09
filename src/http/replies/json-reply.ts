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
import { workerHeaders } from '../answer/answer-headers.js'
import { commit } from './client-connection.js'

const contentType = 'application/json; charset=utf-8'

export interface JsonReplyOptions {
  reply: FastifyReply
  parts: AsyncIterable<AnswerPart>
  /** Sees every part; `build` is called after the last one. */
  builder: { add (part: AnswerPart): void, build (): object | null }
  keepAliveMs: number
}

export async function sendJson ({ reply, parts, builder, keepAliveMs }: JsonReplyOptions): Promise<void> {
  let committed: ServerResponse | null = null
  let timer: NodeJS.Timeout | undefined
  try {
    for await (const part of parts) {
      builder.add(part)
      if (part.type !== 'accepted') continue
      reply.headers(workerHeaders(part))
      timer ??= setInterval(() => {
        committed ??= commit(reply, { 'content-type': contentType })
        committed.write('\n')
      }, keepAliveMs)
    }
    const body = builder.build()
    if (body === null) throw new GatewayError('worker_stream_broken', 'The worker ended the answer without finishing it')
    clearInterval(timer)
    if (committed === null) await reply.type(contentType).send(JSON.stringify(body))
    else endWith(committed, JSON.stringify(body))
  } catch (thrown) {
    clearInterval(timer)
    if (committed === null) throw thrown
    breakOff(committed, reply, toGatewayError(thrown))
  }
}

function endWith (response: ServerResponse, text: string): void {
  response.end(text)
}

function breakOff (response: ServerResponse, reply: FastifyReply, error: GatewayError): void {
  reply.request.logFields['error'] = error.code
  if (response.destroyed) return
  response.write(JSON.stringify(errorEnvelope(error, reply.request.id)), () => response.destroy())
}
