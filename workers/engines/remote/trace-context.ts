/**
 * W3C trace context of the job that is being worked on, from the gateway's request to the engine's server. It travels beside
 * the job and not in it: no engine computes anything from it.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import type { IncomingHttpHeaders } from 'node:http'

export type TraceHeaders = Readonly<Record<string, string>>

const parentPattern = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/
/** What the specification asks everybody to pass on. */
const stateCharacters = 512

export const traceContext = new AsyncLocalStorage<TraceHeaders>()

/** Nothing without a well-formed `traceparent`: a `tracestate` alone means nothing. */
export function traceHeadersOf ({ traceparent, tracestate }: IncomingHttpHeaders): TraceHeaders {
  if (typeof traceparent !== 'string' || !parentPattern.test(traceparent)) return {}
  return { traceparent, ...(typeof tracestate === 'string' && tracestate.length <= stateCharacters ? { tracestate } : {}) }
}
