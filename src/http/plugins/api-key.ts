/**
 * Who is calling. The key is looked up before the rate limit (which spares its owner) and demanded after it, but
 * before the body is read: a stranger uploads nothing.
 */
import type { FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { GatewayError } from '../../errors.js'
import type { Caller, VerifyKey } from '../gateway-dependencies.js'

declare module 'fastify' {
  interface FastifyRequest {
    /** null = unknown; on a gateway without keys everybody is. */
    caller: Caller | null
  }
}

export const apiKeyPlugin = fp<{ verifyKey: VerifyKey | null }>(async (app, { verifyKey }) => {
  app.decorateRequest('caller', null)
  if (verifyKey === null) return

  app.addHook('onRequest', async request => {
    for (const key of presentedKeys(request)) {
      request.caller ??= await verifyKey(key)
    }
  })
  app.addHook('preParsing', async request => {
    if (request.caller !== null || request.routeOptions.config.isOperational === true || request.is404) return
    const [key] = presentedKeys(request)
    throw new GatewayError('invalid_api_key', key === undefined
      ? 'Authentication Fails, no api key was given: send it as `Authorization: Bearer <key>`'
      : `Authentication Fails, Your api key: ****${key.slice(-4)} is invalid`)
  })
}, { name: 'api-key' })

/** Some clients send both headers at once; either may be the good one. */
function presentedKeys (request: FastifyRequest): string[] {
  const bearer = /^Bearer\s+(\S+)\s*$/i.exec(request.headers.authorization ?? '')?.[1]
  const header = request.headers['x-api-key']
  return [bearer, header].flat().filter((key): key is string => key !== undefined && key !== '')
}
