import type { EngineDescription } from '../contract/description.js'
import type { FailEvent, JobEvent } from '../contract/event.js'
import type { Job } from '../contract/job.js'
import type { Engine } from '../engines/engine.js'

export type AbortPolicy = NonNullable<EngineDescription['capabilities']['abort']>

/** How long an abandoned job may still run on an engine that does not like aborts. */
const drainMs = 120_000

/** One job on the engine, and whatever may end it early. */
export class RunningJob {
  readonly requestId: string
  readonly attempt: number
  readonly #job: Job
  readonly #abortion = new AbortController()
  /** Why the host ended it; the engine's own `done abort` is replaced by this, so that the gateway knows whether to go on elsewhere. */
  #verdict: FailEvent | null = null
  readonly #policy: AbortPolicy
  #drain: NodeJS.Timeout | undefined
  #isOver = false

  constructor (job: Job, policy: AbortPolicy = 'safe') {
    this.#policy = policy
    this.requestId = job.requestId
    this.attempt = job.attempt
    this.#job = job
  }

  /** Stops the compute, as far as the engine bears it; the stream ends with `done` finish `abort`, or with the verdict. */
  abort (verdict: FailEvent | null = null): void {
    if (this.#isOver) return
    this.#verdict ??= verdict
    if (this.#policy === 'safe') this.#abortion.abort()
    if (this.#policy === 'drain') this.#drain ??= setTimeout(() => { this.#abortion.abort() }, drainMs)
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
      clearTimeout(this.#drain)
      this.#isOver = true
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
