/** How a batch asks: through the whole app, without a socket. */
import type { FastifyInstance } from 'fastify'
import type { BatchCall, BatchReply } from '../batches/batch-runner.js'
import { errorEnvelope, GatewayError } from '../errors.js'
import { lowestPriority } from '../policy/choose-priority.js'
import type { Caller } from './gateway-dependencies.js'
import { ticketHeader, type InternalCalls } from './plugins/internal-calls.js'

const busyRetryMs = 1000

export interface BatchCallOptions {
  app: FastifyInstance
  internalCalls: InternalCalls
  /** null = there is no such key any more. */
  findCaller: (keyId: string) => Promise<Caller | null>
}

export function callFromBatch ({ app, internalCalls, findCaller }: BatchCallOptions): (call: BatchCall, signal: AbortSignal) => Promise<BatchReply> {
  return async ({ owner, endpoint, requestId, body }, signal) => {
    const caller = owner === '' ? null : await findCaller(owner)
    if (owner !== '' && caller === null) {
      const error = new GatewayError('invalid_api_key', 'The key that made this batch is not valid any more')
      return { statusCode: error.status, requestId, body: JSON.stringify(errorEnvelope(error, requestId)), retryAfterMs: null }
    }
    const response = await unlessAborted(signal, app.inject({
      method: 'POST',
      url: endpoint,
      headers: { 'content-type': 'application/json', 'x-request-id': requestId, [ticketHeader]: internalCalls.announce({ caller, priority: lowestPriority, signal }) },
      payload: body
    }))
    const mayRetry = response.headers['x-should-retry'] === 'true'
    return {
      statusCode: response.statusCode,
      requestId,
      body: response.payload,
      retryAfterMs: mayRetry ? Number(response.headers['retry-after-ms'] ?? busyRetryMs) : null
    }
  }
}

/** An answer that was hung up on never comes. */
async function unlessAborted<Result> (signal: AbortSignal, work: Promise<Result>): Promise<Result> {
  signal.throwIfAborted()
  return await new Promise((resolve, reject) => {
    const abort = (): void => { reject(new GatewayError('client_closed_request', 'The batch does not wait any more')) }
    signal.addEventListener('abort', abort, { once: true })
    work.then(resolve, reject).finally(() => { signal.removeEventListener('abort', abort) })
  })
}
