/**
 * What dispatch hands to the front door: a worker's events with the worker's name added, and failures turned into
 * a thrown GatewayError. A reader that sees the iterator end without `done` has been returned early itself.
 */
import type { Job } from '../../workers/contract/job.js'
import type { JobEvent } from '../../workers/contract/event.js'

/** A job as the front door knows it; attempts and resumption belong to dispatch. */
export type JobRequest = Omit<Job, 'attempt' | 'resumedFrom'>

export type DispatchEvent =
  | { type: 'accepted', workerId: string, checkpoint: string, cachedTokens: number | null, queueMs: number }
  | Extract<JobEvent, { type: 'tokens' | 'done' }>

export interface Dispatcher {
  /**
   * Runs a job on some worker of its tier. Aborting the signal (or returning early) stops the work on the worker.
   *
   * @throws GatewayError no_worker_available, worker_failed, worker_stream_broken, context_length_exceeded, deadline_exceeded
   */
  generate (request: JobRequest, signal: AbortSignal): AsyncGenerator<DispatchEvent, void, undefined>
}
