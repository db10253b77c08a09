import type { AbortRequest, DrainReport, Readiness } from '../../workers/contract/control.js'
import type { WorkerDescription } from '../../workers/contract/description.js'
import type { JobEvent, LoadReport } from '../../workers/contract/event.js'
import type { Job } from '../../workers/contract/job.js'

/** One worker as dispatch calls it, whatever the wire. Every method throws WorkerFault and nothing else. */
export interface WorkerClient {
  /** For logs: `unix:/path` or `http://host:port`. */
  readonly address: string

  readiness (): Promise<Readiness>
  describe (): Promise<WorkerDescription>
  load (): Promise<LoadReport>

  /**
   * A job's events, ended by `done` or `fail`; anything less is thrown as a broken stream. Aborting the signal, or
   * returning early, hangs up, which tells the worker to stop; the iterator then throws the signal's reason.
   * `headers` go beside the job (trace context); a wire without headers leaves them out.
   */
  generate (job: Job, signal: AbortSignal, headers?: Readonly<Record<string, string>>): AsyncGenerator<JobEvent, void, undefined>

  /** Bounded: a wedged worker cannot hold the caller. */
  abort (request: AbortRequest): Promise<void>
  /** Resolves when the worker runs nothing any more. */
  drain (budgetMs: number): Promise<DrainReport>

  /** Waits for calls in flight; destroy does not. Both are idempotent. */
  close (): Promise<void>
  destroy (): Promise<void>
}
