/**
 * Lets pages of other origins call, when the settings name them. Off by default: a page that a browser happens to show must
 * not reach a gateway on its user's machine. No cookies are used, so credentials need no allowance: a key is a header.
 */
import type { FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'

const dayInSeconds = '86400'
const exposed = 'x-request-id, request-id, x-ds-trace-id, retry-after, retry-after-ms, x-should-retry, x-gearbox-tier, x-gearbox-tier-reason, x-gearbox-effort, x-gearbox-effort-reason, x-gearbox-checkpoint, x-gearbox-worker, x-gearbox-cached-tokens, x-gearbox-queue-ms'

export const corsPlugin = fp<{ origins: readonly string[] }>(async (app, { origins }) => {
  if (origins.length === 0) return
  const isOpen = origins.includes('*')

  app.addHook('onRequest', async (request, reply) => {
    reply.header('vary', 'Origin')
    const { origin } = request.headers
    if (origin === undefined || !(isOpen || origins.includes(origin))) return
    reply.header('access-control-allow-origin', origin).header('access-control-expose-headers', exposed)
    if (isPreflight(request)) return answerPreflight(request, reply)
  })
}, { name: 'cors' })

function isPreflight ({ method, headers }: FastifyRequest): boolean {
  return method === 'OPTIONS' && headers['access-control-request-method'] !== undefined
}

/** A browser asks before it sends the key, so nobody is asked for one here. */
function answerPreflight (request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const asked = request.headers['access-control-request-headers']
  if (asked !== undefined) reply.header('access-control-allow-headers', asked)
  return reply.header('access-control-allow-methods', 'GET, HEAD, POST, DELETE, OPTIONS').header('access-control-max-age', dayInSeconds).code(204).send()
}
