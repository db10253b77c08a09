/**
 * What went wrong between us and a worker, before anybody decides whether to try again.
 *
 * unreachable: no connection. refused: the host answered with an error status. failed: a fail event. broken: the stream ended
 * without done or fail, or carried what is no event. silent: a watchdog ran out.
 */
import type { FailEvent } from '../../workers/contract/event.js'
import { GatewayError, type ErrorCode } from '../errors.js'

export type FaultKind = 'unreachable' | 'refused' | 'failed' | 'broken' | 'silent'

export interface WorkerFaultDetails {
  /** The worker's own word, kebab-case. */
  code: string
  blame: FailEvent['blame']
  isRetryable: boolean
  cause?: unknown
}

export class WorkerFault extends Error {
  readonly kind: FaultKind
  readonly code: string
  readonly blame: FailEvent['blame']
  /** Whether the same job may succeed on another try. */
  readonly isRetryable: boolean

  constructor (kind: FaultKind, message: string, details: WorkerFaultDetails) {
    super(message, { cause: details.cause })
    this.name = 'WorkerFault'
    this.kind = kind
    this.code = details.code
    this.blame = details.blame
    this.isRetryable = details.isRetryable
  }

  /** The worker died (or its engine did) with this job on it: twice, and the job is taken for the poison. */
  get isDeath (): boolean {
    return this.kind === 'broken' || deaths.has(this.code)
  }

  /** The process may be gone or wedged: no more jobs until it has answered a probe. */
  get isSuspicious (): boolean {
    return this.kind === 'unreachable' || this.kind === 'broken' || this.kind === 'silent'
  }

  /** For everybody's eyes, after the worker's name. The message, with the worker's own words, is for the log. */
  get saying (): string {
    return wordsByFail[this.code] ?? wordsByKind[this.kind]
  }

  /** Trying again costs nobody anything: the worker never had the job, or lost it with everything else. */
  get isFree (): boolean {
    return this.isDeath || this.kind === 'unreachable' || softRefusals.has(this.code)
  }

  /** Counts against the worker's health. A full queue or a drain is no illness. */
  get isIllness (): boolean {
    return this.blame !== 'request' && this.blame !== 'client' && !softRefusals.has(this.code)
  }
}

const deaths = new Set(['rank-died', 'engine-died', 'engine-stream-broken'])

const softRefusals = new Set(['queue-full', 'worker-draining', 'worker-loading', 'engine-closed'])

const codesByFail: Record<string, ErrorCode> = {
  'context-overflow': 'context_length_exceeded',
  'unsupported-constraint': 'unsupported_parameter',
  'deadline-exceeded': 'deadline_exceeded',
  'queue-full': 'no_worker_available',
  'worker-draining': 'no_worker_available',
  'worker-loading': 'no_worker_available',
  // We sent what the contract does not allow; asking again would not help.
  'invalid-job': 'internal_error',
  'bad-request': 'internal_error'
}

/**
 * How a client is told of a fault that nobody could make good: in words of ours, since a worker's own may hold paths, addresses
 * and other people's data. Those are in the log, and the cause has them. What a worker says of the request itself is meant for the client.
 */
export function gatewayErrorFrom (fault: WorkerFault, workerId: string): GatewayError {
  const code = codesByFail[fault.code] ?? codeByKind(fault)
  const isForClient = fault.blame === 'request' && code !== 'internal_error'
  const message = isForClient ? fault.message : `worker ${workerId} ${fault.saying}`
  return new GatewayError(code, message, { cause: fault, ...(code === 'no_worker_available' ? { retryAfterMs: 1000 } : {}) })
}

const wordsByKind: Record<FaultKind, string> = {
  unreachable: 'could not be reached',
  refused: 'did not take the request',
  failed: 'failed while it computed the answer',
  broken: 'broke off before the answer was complete',
  silent: 'stopped answering'
}

const wordsByFail: Record<string, string> = {
  'queue-full': 'takes no more requests now',
  'worker-draining': 'is about to stop',
  'worker-loading': 'is still loading',
  'engine-out-of-funds': 'has no funds left with its provider'
}

function codeByKind (fault: WorkerFault): ErrorCode {
  if (fault.blame === 'request') return 'invalid_value'
  if (fault.blame === 'client') return 'client_closed_request'
  return fault.kind === 'broken' || fault.kind === 'silent' ? 'worker_stream_broken' : 'worker_failed'
}
