import type { FailEvent, JobEvent } from '../contract/event.js'
import type { Job } from '../contract/job.js'
import type { Engine } from '../engines/engine.js'

/** One job on the engine, and whatever may end it early. */
export class RunningJob {
  readonly requestId: string
  readonly attempt: number
  readonly #job: Job
  readonly #abortion = new AbortController()
  /** Why the host ended it; the engine's own `done abort` is replaced by this, so that the gateway knows whether to go on elsewhere. */
  #verdict: FailEvent | null = null

  constructor (job: Job) {
    this.requestId = job.requestId
    this.attempt = job.attempt
    this.#job = job
  }

  /** Stops the compute; the stream ends with `done` finish `abort`, or with the verdict. */
  abort (verdict: FailEvent | null = null): void {
    this.#verdict ??= verdict
    this.#abortion.abort()
  }

  /** The engine's events; an engine that throws becomes a fail event. Never throws. */
  async * run (engine: Engine): AsyncGenerator<JobEvent, void, undefined> {
    const deadline = this.#armDeadline()
    try {
      for await (const event of engine.generate(this.#job, this.#abortion.signal)) {
        const isAborted = event.type === 'done' && event.finish === 'abort'
        yield isAborted && this.#verdict !== null ? this.#verdict : event
      }
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      yield this.#verdict ?? { type: 'fail', code: 'engine-error', message, blame: 'worker', retryable: true }
    } finally {
      clearTimeout(deadline)
    }
  }

  #armDeadline (): NodeJS.Timeout | undefined {
    const { deadlineMs } = this.#job
    if (deadlineMs === undefined) return undefined
    const message = `not finished ${deadlineMs} ms after receipt`
    return setTimeout(() => {
      this.abort({ type: 'fail', code: 'deadline-exceeded', message, blame: 'request', retryable: false })
    }, Math.min(deadlineMs, 2 ** 31 - 1))
  }
}
