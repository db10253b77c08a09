import fp from 'fastify-plugin'
import { GatewayError } from '../../errors.js'

/** A gateway that is going away refuses new work, and keeps answering for its health. */
export const drainPlugin = fp<{ isDraining: () => boolean }>(async (app, { isDraining }) => {
  app.addHook('onRequest', async (request, reply) => {
    if (!isDraining() || request.routeOptions.config.isOperational === true) return
    reply.header('connection', 'close')
    throw new GatewayError('server_draining', 'The server is shutting down, please retry', { retryAfterMs: 1000 })
  })
}, { name: 'drain' })

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Health and version: answered without a key, and while draining. */
    isOperational?: boolean
  }
}
