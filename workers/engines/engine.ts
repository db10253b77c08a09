/**
 * What computes. Everything a worker host needs from an engine, and nothing of how it works.
 */
import type { EngineDescription } from '../contract/description.js'
import type { JobEvent, LoadReport } from '../contract/event.js'
import type { Job } from '../contract/job.js'

export interface Engine {
  describe (): EngineDescription

  /**
   * Runs one job. Many may run at once; the engine batches them.
   *
   * The iterator yields events in the contract's order and ends after `done` or `fail`; it does not throw for
   * a bad job. When `signal` aborts, or the consumer returns early, compute for this job stops within one step
   * and (if still read) the last event is `done` with finish `abort`.
   */
  generate (job: Job, signal: AbortSignal): AsyncGenerator<JobEvent, void, undefined>

  load (): LoadReport

  /** Fails running jobs (`engine-closed`), frees threads and memory. Idempotent. */
  close (): Promise<void>

  /** Settles with the reason when the engine can never serve again (a rank died); pending after a plain close. */
  readonly failed: Promise<Error>
}
