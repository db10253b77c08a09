/**
 * What dispatch hands to the front door: a worker's events with the worker's name added, and failures turned into
 * a thrown GatewayError. A reader that sees the iterator end without `done` has been returned early itself.
 */
import type { Job } from '../../workers/contract/job.js'
import type { JobEvent } from '../../workers/contract/event.js'
import type { JobObserver } from './job-observer.js'

/** A job as the front door knows it; attempts and resumption belong to dispatch. */
export type JobRequest = Omit<Job, 'attempt' | 'resumedFrom'>

export type DispatchEvent =
  /** Comes again when another worker had to take over before the first token; the last one names who answers. */
  | { type: 'accepted', workerId: string, checkpoint: string, cachedTokens: number | null, queueMs: number }
  | Extract<JobEvent, { type: 'tokens' | 'done' }>

export interface Dispatcher {
  /**
   * Runs a job on some worker of its tier. Aborting the signal (or returning early) stops the work on the worker; an
   * iterator that still runs then throws the signal's reason if that is a GatewayError, else client_closed_request.
   * A worker that fails is replaced without a trace where that is honest: by a retry before the first token, by a
   * resume after it. Usage counts the whole answer once.
   *
   * @throws GatewayError no_worker_available, worker_failed, worker_stream_broken, context_length_exceeded, deadline_exceeded, and for a
   * job that a worker refuses invalid_value, unsupported_parameter; internal_error when workers died of it
   */
  generate (request: JobRequest, signal: AbortSignal, observer?: JobObserver): AsyncGenerator<DispatchEvent, void, undefined>
}
