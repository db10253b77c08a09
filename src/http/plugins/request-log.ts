import fp from 'fastify-plugin'

/** What a route adds to its line in the log: tier, reason, worker, counts. Never content, never a key. */
export type LogFields = Record<string, string | number | boolean | null>

declare module 'fastify' {
  interface FastifyRequest {
    logFields: LogFields
  }
}

/** One line per request, when it is over. */
export const requestLogPlugin = fp(async app => {
  app.decorateRequest('logFields')
  app.addHook('onRequest', async request => {
    request.logFields = {}
  })
  app.addHook('onResponse', async (request, reply) => {
    request.log.info({
      method: request.method,
      path: request.url.split('?', 1)[0],
      status: reply.statusCode,
      durationMs: Math.round(reply.elapsedTime),
      ...request.logFields
    }, 'request answered')
  })
}, { name: 'request-log' })
