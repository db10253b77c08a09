import rateLimit from '@fastify/rate-limit'
import fp from 'fastify-plugin'
import { GatewayError } from '../../errors.js'

interface RateLimitOptions {
  /** Asked each time: it may change while running. */
  unauthenticatedPerMinute: () => number
  /** False on a gateway without keys: there everybody is a stranger, and all come from this machine. */
  isEnabled: boolean
}

/** Slows down strangers, by address: guessing keys, scanning. Owners of keys are limited elsewhere. */
export const rateLimitPlugin = fp<RateLimitOptions>(async (app, { unauthenticatedPerMinute, isEnabled }) => {
  await app.register(rateLimit, {
    max: () => unauthenticatedPerMinute(),
    timeWindow: 60_000,
    allowList: request => !isEnabled || request.caller !== null,
    addHeadersOnExceeding: { 'x-ratelimit-limit': false, 'x-ratelimit-remaining': false, 'x-ratelimit-reset': false },
    addHeaders: { 'x-ratelimit-limit': false, 'x-ratelimit-remaining': false, 'x-ratelimit-reset': false, 'retry-after': false },
    errorResponseBuilder: (_request, { ttl }) =>
      new GatewayError('rate_limit_exceeded', 'Rate limit reached for requests without a valid api key from this address', { retryAfterMs: ttl })
  })
}, { name: 'rate-limit', dependencies: ['api-key'] })
