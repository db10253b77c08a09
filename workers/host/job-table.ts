import type { FailEvent } from '../contract/event.js'
import type { RunningJob } from './running-job.js'

/** The jobs that run here now. Two attempts of one request may overlap while the first is being aborted. */
export class JobTable {
  readonly #jobs = new Set<RunningJob>()
  readonly #waiters: Array<() => void> = []

  get size (): number {
    return this.#jobs.size
  }

  add (job: RunningJob): void {
    this.#jobs.add(job)
  }

  remove (job: RunningJob): void {
    this.#jobs.delete(job)
    if (this.#jobs.size > 0) return
    for (const release of this.#waiters.splice(0)) release()
  }

  /** @returns how many jobs it stopped */
  abort (requestIds: readonly string[], upToAttempt: number): number {
    const wanted = new Set(requestIds)
    const jobs = [...this.#jobs].filter(job => wanted.has(job.requestId) && job.attempt <= upToAttempt)
    for (const job of jobs) job.abort()
    return jobs.length
  }

  abortAll (verdict: FailEvent): number {
    const jobs = [...this.#jobs]
    for (const job of jobs) job.abort(verdict)
    return jobs.length
  }

  /** Resolves when no job runs. */
  async whenEmpty (): Promise<void> {
    if (this.#jobs.size === 0) return
    await new Promise<void>(resolve => this.#waiters.push(resolve))
  }
}
