import { createHash, randomUUID } from 'node:crypto'
import fp from 'fastify-plugin'
import type { IncomingMessage } from 'node:http'

const idPattern = /^[\w.:/+=-]{1,128}$/

/** The caller's own id when it is fit for a header and a log line, else a new one. */
export function requestIdOf (request: Pick<IncomingMessage, 'headers'>): string {
  const given = request.headers['x-request-id'] ?? request.headers['x-client-request-id']
  return typeof given === 'string' && idPattern.test(given) ? given : randomUUID()
}

/** 32 hex digits: the id itself when it is a UUID, otherwise derived from it. */
function traceIdOf (requestId: string): string {
  const digits = requestId.replaceAll('-', '').toLowerCase()
  return /^[0-9a-f]{32}$/.test(digits) ? digits : createHash('sha256').update(requestId).digest('hex').slice(0, 32)
}

export function requestIdHeaders (requestId: string): Record<string, string> {
  // OpenAI SDKs read the first, Anthropic's the second, DeepSeek-aware tools the third.
  return { 'x-request-id': requestId, 'request-id': requestId, 'x-ds-trace-id': traceIdOf(requestId) }
}

export const requestIdPlugin = fp(async app => {
  app.addHook('onRequest', async (request, reply) => {
    reply.headers(requestIdHeaders(request.id))
  })
}, { name: 'request-id' })
