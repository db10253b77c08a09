/**
 * The only place where an error becomes a response. Routes and hooks throw; nobody formats.
 */
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { LimitError } from '../../accounts/limits.js'
import { messagesError } from '../../dialects/messages/messages-error.js'
import { errorEnvelope, GatewayError, toGatewayError } from '../../errors.js'
import type { RequestObservation } from '../../telemetry/request-observation.js'
import { speaksAnthropic } from '../client-dialect.js'
import { rateHeaders } from '../answer/answer-headers.js'
import { requestIdHeaders } from './request-id.js'

const defaultRetryAfterMs = 1000

export const errorHandlerPlugin = fp(async app => {
  app.setErrorHandler(sendError)
}, { name: 'error-handler' })

export function sendError (thrown: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const error = fromFramework(thrown)
  // The framework refuses some requests before any hook has seen them.
  const { observation } = request as { observation?: RequestObservation }
  observation?.failed(error)
  if (error.status >= 500) request.log.error({ err: error.cause ?? error, code: error.code }, error.message)
  const { status, envelope } = speaksAnthropic(request)
    ? messagesError(error, request.id)
    : { status: error.status, envelope: errorEnvelope(error, request.id) }
  return reply
    .code(status)
    .headers({ ...requestIdHeaders(request.id), ...retryHeaders(error), ...(error instanceof LimitError ? rateHeaders(request, error.rates) : {}) })
    .type('application/json; charset=utf-8')
    .send(envelope)
}

/** SDKs retry 408, 409, 429 and 5xx on their own judgement unless `x-should-retry` decides for them. */
export function retryHeaders (error: GatewayError): Record<string, string> {
  if (!error.isRetryable) return { 'x-should-retry': 'false' }
  const retryAfterMs = Math.max(1, Math.round(error.retryAfterMs ?? defaultRetryAfterMs))
  return { 'x-should-retry': 'true', 'retry-after-ms': String(retryAfterMs), 'retry-after': String(Math.ceil(retryAfterMs / 1000)) }
}

/** Fastify's own refusals, by its stable codes. */
function fromFramework (thrown: unknown): GatewayError {
  if (thrown instanceof GatewayError || !isFastifyError(thrown)) return toGatewayError(thrown)
  const details = { cause: thrown }
  switch (thrown.code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new GatewayError('request_too_large', 'The request body is larger than this server accepts', details)
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new GatewayError('unsupported_media_type', 'Send the request body as Content-Type: application/json', details)
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
    case 'FST_ERR_CTP_EMPTY_JSON_BODY':
    case 'FST_ERR_CTP_INVALID_JSON_BODY':
      return new GatewayError('invalid_json', 'The request body is empty or was cut short', details)
    case 'FST_ERR_BAD_URL':
    case 'FST_ERR_MAX_PARAM_LENGTH':
      return new GatewayError('unknown_path', 'The path is not a valid URL, or too long', details)
    default:
      return toGatewayError(thrown)
  }
}

function isFastifyError (thrown: unknown): thrown is FastifyError {
  return thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string'
}
