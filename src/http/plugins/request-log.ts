/** Watches every request from arrival to end, and writes one line when it is over. */
import type { FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { hideCredentials } from '../../telemetry/hide-credentials.js'
import type { RequestObservation } from '../../telemetry/request-observation.js'
import type { Telemetry } from '../../telemetry/telemetry.js'

/** What a route adds to its line in the log. Never content, never a key. */
export type LogFields = Record<string, string | number | boolean | null>

declare module 'fastify' {
  interface FastifyRequest {
    observation: RequestObservation
    logFields: LogFields
  }
}

const answerPath = /\/(chat\/completions|completions|messages|responses)$/

export const requestLogPlugin = fp<{ telemetry: Telemetry }>(async (app, { telemetry }) => {
  app.decorateRequest('observation')
  app.decorateRequest('logFields')
  app.addHook('onRequest', async request => {
    request.observation = telemetry.begin({ requestId: request.id, path: pathOf(request), headers: request.headers })
    request.logFields = {}
  })
  app.addHook('preHandler', async request => {
    const path = pathOf(request)
    if (request.method === 'POST' && !request.is404 && answerPath.test(path)) request.observation.answering(/\/chat\/|messages$|responses$/.test(path) ? 'chat' : 'text_completion')
  })
  app.addHook('onResponse', async (request, reply) => {
    const line = request.observation.end({ status: reply.statusCode, isCut: !reply.raw.writableFinished })
    request.log.info({
      method: request.method,
      path: hideCredentials(pathOf(request), request.headers),
      status: reply.statusCode,
      durationMs: Math.round(reply.elapsedTime),
      ...line,
      ...request.logFields
    }, 'request answered')
  })
}, { name: 'request-log' })

function pathOf (request: FastifyRequest): string {
  return request.url.split('?', 1)[0] ?? ''
}
