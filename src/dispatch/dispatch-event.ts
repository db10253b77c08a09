/**
 * What dispatch hands to the front door: a worker's events with the worker's name added, and failures turned into
 * a thrown GatewayError. A reader that sees the iterator end without `done` has been returned early itself.
 */
import type { Chat } from '../../workers/contract/chat.js'
import type { Job, Sampling } from '../../workers/contract/job.js'
import type { JobEvent } from '../../workers/contract/event.js'
import type { JobObserver } from './job-observer.js'

/** A job as the front door knows it; attempts and resumption belong to dispatch. */
export interface JobRequest extends Omit<Job, 'attempt' | 'resumedFrom' | 'chat'> {
  /** The conversation, made when a worker only speaks chat; absent = there is none (a raw text). */
  chat?: () => Chat
  /** Asked of workers that can, and given up where it is all that stands in the way. */
  wishes?: Pick<Sampling, 'logprobs'>
  /** Jobs of one session like to run on one worker. */
  session?: string
  /** Whose turn it takes where several wait: the key. */
  owner?: string
}

export type DispatchEvent =
  /** Comes again when another worker had to take over before the first token; the last one names who answers. */
  | { type: 'accepted', workerId: string, checkpoint: string, cachedTokens: number | null, queueMs: number }
  /** Text and tool calls come from engines that only speak chat, never beside tokens. */
  | Extract<JobEvent, { type: 'tokens' | 'text' | 'tool-call' }>
  | FinishedJob

/** `usage` null: the engine counts for itself, and did not say. */
export interface FinishedJob extends Extract<JobEvent, { type: 'done' }> {
  /** Who counted: the gateway knows the ids, or has only the engine's word. */
  countedBy: 'gateway' | 'engine'
}

export interface Dispatcher {
  /**
   * Runs a job on some worker of its tier. Aborting the signal (or returning early) stops the work on the worker; an
   * iterator that still runs then throws the signal's reason if that is a GatewayError, else client_closed_request.
   * A worker that fails is replaced without a trace where that is honest: by a retry before the first token, by a
   * resume after it. Text of an engine that only speaks chat cannot be resumed: what breaks after it ends in an error. Usage counts the whole answer once.
   *
   * @throws GatewayError no_worker_available, worker_failed, worker_stream_broken, context_length_exceeded, deadline_exceeded, and for a
   * job that a worker refuses invalid_value, unsupported_parameter; internal_error when workers died of it
   */
  generate (request: JobRequest, signal: AbortSignal, observer?: JobObserver): AsyncGenerator<DispatchEvent, void, undefined>
}
