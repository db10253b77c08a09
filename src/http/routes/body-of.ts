import type { FastifyRequest } from 'fastify'
import type { RequestBody } from '../../dialects/request-body.js'
import { GatewayError } from '../../errors.js'

/** @throws GatewayError invalid_json when there is none */
export function bodyOf (request: FastifyRequest): RequestBody {
  if (request.body === undefined || request.body === null) throw new GatewayError('invalid_json', 'The request has no body: send JSON')
  return request.body as RequestBody
}
