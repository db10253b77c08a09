/** What went wrong between this worker and the engine it fronts, already in the contract's words. */
import type { FailEvent } from '../../contract/event.js'

export class EngineFault extends Error {
  readonly code: string
  readonly blame: FailEvent['blame']
  readonly isRetryable: boolean

  constructor (code: string, message: string, { blame, isRetryable, cause }: { blame: FailEvent['blame'], isRetryable: boolean, cause?: unknown }) {
    super(message, { cause })
    this.name = 'EngineFault'
    this.code = code
    this.blame = blame
    this.isRetryable = isRetryable
  }

  toFailEvent (): FailEvent {
    return { type: 'fail', code: this.code, message: this.message, blame: this.blame, retryable: this.isRetryable }
  }
}

/** The engine's stream ended, or the connection broke, before the answer did. */
export function brokenStream (message: string, cause?: unknown): EngineFault {
  return new EngineFault('engine-stream-broken', message, { blame: 'worker', isRetryable: true, cause })
}

/** All of these engines say an overflow in words only, each in its own. */
const overflowWords = /context (length|size|window)|maximum (context|model) length|max_model_len|exceed_context_size|longer than the model'?s context/i

/**
 * An error body or an error event in a stream. 4xx is our request (or our right to make it), 429 and 503 a full or
 * starting engine, anything else the engine.
 */
export function faultOfStatus (status: number, message: string): EngineFault {
  if (status === 401 || status === 403 || status === 404) {
    return new EngineFault('engine-refused', `${status}: ${message}`, { blame: 'worker', isRetryable: true })
  }
  if (status === 402) return new EngineFault('engine-out-of-funds', message, { blame: 'worker', isRetryable: true })
  if (status === 429 || status === 503) return new EngineFault('queue-full', `${status}: ${message}`, { blame: 'worker', isRetryable: true })
  // llama-server says 500 for some requests that are too long. The client may read this one, so the engine's own words stay out of it.
  if (overflowWords.test(message)) return new EngineFault('context-overflow', "the request is longer than the engine's context", { blame: 'request', isRetryable: false })
  if (status >= 400 && status < 500) return new EngineFault('invalid-job', `the engine refused the request (${status}): ${message}`, { blame: 'request', isRetryable: false })
  return new EngineFault('engine-error', `${status}: ${message}`, { blame: 'worker', isRetryable: true })
}
