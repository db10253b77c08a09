/**
 * The table of contents: what a request meets, in this order. docs/request-path.md tells the same story with the
 * error that leaves at each step.
 */
import Fastify, { LogController, type FastifyInstance } from 'fastify'
import { Answers } from './http/answer/answers.js'
import { answerBrokenConnection } from './http/broken-connection.js'
import type { GatewayDependencies } from './http/gateway-dependencies.js'
import { apiKeyPlugin } from './http/plugins/api-key.js'
import { corsPlugin } from './http/plugins/cors.js'
import { drainPlugin } from './http/plugins/drain.js'
import { errorHandlerPlugin, sendError } from './http/plugins/error-handler.js'
import { InternalCalls, internalCallsPlugin } from './http/plugins/internal-calls.js'
import { jsonBodyPlugin } from './http/plugins/json-body.js'
import { rateLimitPlugin } from './http/plugins/rate-limit.js'
import { requestIdOf, requestIdPlugin } from './http/plugins/request-id.js'
import { requestLogPlugin } from './http/plugins/request-log.js'
import { unknownPathPlugin } from './http/plugins/unknown-path.js'
import { balanceRoute } from './http/routes/balance.js'
import { batchesRoute } from './http/routes/batches.js'
import { chatCompletionsRoute } from './http/routes/chat-completions.js'
import { completionsRoute } from './http/routes/completions.js'
import { healthRoute } from './http/routes/health.js'
import { messagesRoute } from './http/routes/messages.js'
import { modelsRoute } from './http/routes/models.js'
import { responsesRoute } from './http/routes/responses.js'
import { tokenizeRoute } from './http/routes/tokenize.js'
import { unsupportedRoute } from './http/routes/unsupported.js'
import { Telemetry } from './telemetry/telemetry.js'

const defaultSlowRequestMs = 300_000
const slowHeadersMs = 60_000
const idleConnectionMs = 75_000

export async function buildApp (dependencies: GatewayDependencies): Promise<FastifyInstance> {
  const { settings, logger, verifyKey, isDraining, batches, telemetry = new Telemetry() } = dependencies
  const { slowRequestMs = defaultSlowRequestMs } = settings
  const app: FastifyInstance = Fastify({
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: requestIdOf,
    bodyLimit: settings.bodyLimitBytes,
    requestTimeout: slowRequestMs,
    // Node takes the longer of the two for the body.
    http: { connectionsCheckingInterval: slowRequestMs / 10, headersTimeout: Math.min(slowHeadersMs, slowRequestMs) },
    keepAliveTimeout: idleConnectionMs,
    routerOptions: { ignoreTrailingSlash: true, ignoreDuplicateSlashes: true, maxParamLength: 1024 },
    // While closing, the drain check answers: in the envelope, and with the header to retry.
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    frameworkErrors: (error, request, reply) => { sendError(error, request, reply) },
    clientErrorHandler: answerBrokenConnection
  })

  await app.register(errorHandlerPlugin)
  await app.register(requestIdPlugin)
  await app.register(requestLogPlugin, { telemetry })
  await app.register(corsPlugin, { origins: settings.corsOrigins ?? [] })
  await app.register(drainPlugin, { isDraining })
  await app.register(apiKeyPlugin, { verifyKey })
  const internalCalls = new InternalCalls()
  await app.register(internalCallsPlugin, { internalCalls })
  await app.register(rateLimitPlugin, { unauthenticatedPerMinute: () => settings.unauthenticatedPerMinute, isEnabled: verifyKey !== null })
  await app.register(unknownPathPlugin)
  await app.register(jsonBodyPlugin)

  const answers = new Answers(dependencies)
  await app.register(chatCompletionsRoute, { dependencies, answers })
  await app.register(responsesRoute, { dependencies, answers })
  await app.register(messagesRoute, { dependencies, answers })
  await app.register(completionsRoute, { dependencies, answers })
  if (batches !== undefined) await app.register(batchesRoute, { batches, internalCalls })
  await app.register(modelsRoute, { dependencies })
  await app.register(tokenizeRoute, { answers })
  await app.register(balanceRoute, { dependencies })
  await app.register(unsupportedRoute)
  await app.register(healthRoute, { dependencies })
  return app
}
