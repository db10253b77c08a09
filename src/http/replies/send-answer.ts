/** An answer on the wire: whole, or as a stream. All that a route has to say is which builders speak its dialect. */
import type { FastifyReply } from 'fastify'
import type { AnswerPart } from '../../dialects/answer.js'
import type { GatewaySettings } from '../gateway-dependencies.js'
import { sendJson, type WholeBuilder } from './json-reply.js'
import { sendSse, type ChunkWriter } from './sse-reply.js'

const defaultJsonKeepAliveMs = 30_000
const defaultStalledClientMs = 60_000

export interface AnswerReply {
  reply: FastifyReply
  parts: AsyncIterable<AnswerPart>
  writer: { stream: ChunkWriter } | { whole: WholeBuilder }
  settings: Pick<GatewaySettings, 'keepAliveMs' | 'jsonKeepAliveMs' | 'stalledClientMs'>
}

export async function sendAnswer ({ reply, parts, writer, settings }: AnswerReply): Promise<void> {
  if ('stream' in writer) {
    await sendSse({ reply, parts, chunks: writer.stream, keepAliveMs: settings.keepAliveMs, stalledClientMs: settings.stalledClientMs ?? defaultStalledClientMs })
  } else {
    await sendJson({ reply, parts, builder: writer.whole, keepAliveMs: settings.jsonKeepAliveMs ?? defaultJsonKeepAliveMs })
  }
}
