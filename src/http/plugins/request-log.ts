/** Watches every request from arrival to end, and writes one line when it is over. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { errorTable } from '../../errors.js'
import { hideCredentials } from '../../telemetry/hide-credentials.js'
import type { RequestObservation } from '../../telemetry/request-observation.js'
import type { Telemetry } from '../../telemetry/telemetry.js'

/** What a route adds to its line in the log. Never content, never a key. */
export type LogFields = Record<string, string | number | boolean | null>

declare module 'fastify' {
  interface FastifyRequest {
    observation: RequestObservation
    logFields: LogFields
    /** While an answer is on its way to the client: settles when that is over, and its cost with it. */
    sending: Promise<void> | null
  }
}

const answerPath = /\/(chat\/completions|completions|messages|responses)$/

export const requestLogPlugin = fp<{ telemetry: Telemetry }>(async (app, { telemetry }) => {
  app.decorateRequest('observation')
  app.decorateRequest('logFields')
  app.decorateRequest('sending', null)
  const over = new WeakSet<FastifyRequest>()

  app.addHook('onRequest', async (request, reply) => {
    request.observation = telemetry.begin({ requestId: request.id, path: pathOf(request), headers: request.headers })
    request.logFields = {}
    // Of a client that left, Fastify's onResponse never hears: nothing was finished.
    reply.raw.once('close', () => {
      if (reply.raw.writableFinished) return
      Promise.resolve(request.sending).catch(() => {}).finally(() => { end(request, reply) })
    })
  })
  app.addHook('preHandler', async request => {
    const path = pathOf(request)
    if (request.method === 'POST' && !request.is404 && answerPath.test(path)) request.observation.answering(/\/chat\/|messages$|responses$/.test(path) ? 'chat' : 'text_completion')
  })
  app.addHook('onResponse', async (request, reply) => { end(request, reply) })

  function end (request: FastifyRequest, reply: FastifyReply): void {
    if (over.has(request)) return
    over.add(request)
    const status = reply.raw.headersSent ? reply.statusCode : errorTable.client_closed_request.status
    const line = request.observation.end({ status, isCut: !reply.raw.writableFinished })
    request.log.info({
      method: request.method,
      path: hideCredentials(pathOf(request), request.headers),
      status,
      durationMs: Math.round(reply.elapsedTime),
      ...line,
      ...request.logFields
    }, 'request answered')
  }
}, { name: 'request-log' })

function pathOf (request: FastifyRequest): string {
  return request.url.split('?', 1)[0] ?? ''
}
