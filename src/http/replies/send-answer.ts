/** An answer on the wire: whole, or as a stream. All that a route has to say is which builders speak its dialect. */
import type { FastifyReply } from 'fastify'
import type { AnswerPart } from '../../dialects/answer.js'
import type { GatewaySettings } from '../gateway-dependencies.js'
import { sendJson, type WholeBuilder } from './json-reply.js'
import { sendSse, type ChunkWriter } from './sse-reply.js'

const defaultJsonKeepAliveMs = 30_000
/** The longest time a timer takes. */
const never = 2 ** 31 - 1
const defaultStalledClientMs = 60_000

export interface AnswerReply {
  reply: FastifyReply
  parts: AsyncIterable<AnswerPart>
  writer: { stream: ChunkWriter } | { whole: WholeBuilder }
  settings: Pick<GatewaySettings, 'keepAliveMs' | 'jsonKeepAliveMs' | 'stalledClientMs'>
}

export async function sendAnswer (answer: AnswerReply): Promise<void> {
  const sending = send(answer)
  answer.reply.request.sending = sending
  await sending
}

async function send ({ reply, parts, writer, settings }: AnswerReply): Promise<void> {
  // A batch waits without being kept awake, and needs the status of what failed late.
  const isInternal = reply.request.internalCall !== null
  if ('stream' in writer) {
    await sendSse({ reply, parts, chunks: writer.stream, keepAliveMs: settings.keepAliveMs, stalledClientMs: settings.stalledClientMs ?? defaultStalledClientMs })
  } else {
    await sendJson({ reply, parts, builder: writer.whole, keepAliveMs: isInternal ? never : settings.jsonKeepAliveMs ?? defaultJsonKeepAliveMs })
  }
}
