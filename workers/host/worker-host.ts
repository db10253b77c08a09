/**
 * The worker behind its HTTP server: identity, engine, running jobs, and the state that decides whether a job is taken.
 *
 *   loading ──engine──▶ ready ──drain──▶ draining
 *      └──────────── engine.failed, or it never loaded ──▶ failed
 */
import { randomUUID } from 'node:crypto'
import type { z } from 'zod'
import type { HostState, Readiness } from '../contract/control.js'
import type { WorkerDescription } from '../contract/description.js'
import type { LoadReport } from '../contract/event.js'
import { jobSchema, type Job, type Tier } from '../contract/job.js'
import type { Engine } from '../engines/engine.js'
import { HostError } from './host-error.js'
import { JobTable } from './job-table.js'
import { RunningJob } from './running-job.js'

export interface WorkerIdentity {
  workerId: string
  tier: Tier
}

export class WorkerHost {
  readonly instanceId = randomUUID()
  readonly jobs = new JobTable()
  readonly #identity: WorkerIdentity
  #engine: Engine | null = null
  #failure: Error | null = null
  #isDraining = false

  constructor (identity: WorkerIdentity, engine: Promise<Engine>) {
    this.#identity = identity
    engine.then(async loaded => {
      this.#engine = loaded
      this.#failure = await loaded.failed
    }).catch((error: unknown) => {
      this.#failure = error instanceof Error ? error : new Error(String(error))
    })
  }

  get state (): HostState {
    if (this.#failure !== null) return 'failed'
    if (this.#isDraining) return 'draining'
    return this.#engine === null ? 'loading' : 'ready'
  }

  readiness (): Readiness {
    return { state: this.state, workerId: this.#identity.workerId, instanceId: this.instanceId }
  }

  /** @throws HostError worker-loading */
  describe (): WorkerDescription {
    return { ...this.#loadedEngine().describe(), ...this.#identity, instanceId: this.instanceId }
  }

  /** @throws HostError worker-loading */
  load (): LoadReport {
    return this.#loadedEngine().load()
  }

  /**
   * Takes a job; it is in the table while its events are being read.
   *
   * @throws HostError invalid-job, checkpoint-mismatch, worker-loading, worker-draining, worker-failed
   */
  accept (body: unknown): { job: RunningJob, events: ReturnType<RunningJob['run']> } {
    if (this.#isDraining) throw new HostError(503, 'worker-draining', 'the worker takes no new jobs')
    const engine = this.#loadedEngine()
    const parsed = jobSchema.safeParse(body)
    if (!parsed.success) throw invalidJob(parsed.error.issues[0])
    this.#checkJob(parsed.data, engine)
    const job = new RunningJob(parsed.data, engine.describe().capabilities.abort)
    return { job, events: this.#untilDone(job, engine) }
  }

  /**
   * Refuses new jobs and waits for the running ones; those that outlast the budget fail as retryable, so that a gateway resumes
   * them elsewhere.
   *
   * @returns how many jobs it had to end
   */
  async drain (budgetMs: number): Promise<number> {
    this.#isDraining = true
    let abortedJobs = 0
    const message = `not finished within the drain budget of ${budgetMs} ms`
    const timer = setTimeout(() => {
      abortedJobs = this.jobs.abortAll({ type: 'fail', code: 'worker-draining', message, blame: 'worker', retryable: true })
    }, Math.min(budgetMs, 2 ** 31 - 1))
    await this.jobs.whenEmpty()
    clearTimeout(timer)
    return abortedJobs
  }

  async close (): Promise<void> {
    this.#isDraining = true
    await this.#engine?.close()
  }

  #loadedEngine (): Engine {
    if (this.#failure !== null) throw new HostError(503, 'worker-failed', `the engine failed: ${this.#failure.message}`)
    if (this.#engine === null) throw new HostError(503, 'worker-loading', 'the engine is still loading')
    return this.#engine
  }

  #checkJob (job: Job, engine: Engine): void {
    const { checkpoint } = engine.describe()
    if (job.tier !== this.#identity.tier || job.checkpoint !== checkpoint.name) {
      const message = `this worker serves ${this.#identity.tier} ${checkpoint.name}, not ${job.tier} ${job.checkpoint}`
      throw new HostError(409, 'checkpoint-mismatch', message)
    }
    const position = job.tokenIds.findIndex(id => id >= checkpoint.vocabularySize)
    if (position >= 0) {
      const message = `token id ${job.tokenIds[position]} is outside the vocabulary of ${checkpoint.vocabularySize}`
      throw new HostError(400, 'invalid-job', message, `tokenIds.${position}`)
    }
    if ((job.resumedFrom ?? 0) >= job.tokenIds.length) {
      throw new HostError(400, 'invalid-job', 'resumedFrom must leave at least one token of the original prompt', 'resumedFrom')
    }
  }

  async * #untilDone (job: RunningJob, engine: Engine): ReturnType<RunningJob['run']> {
    this.jobs.add(job)
    try {
      yield * job.run(engine)
    } finally {
      this.jobs.remove(job)
    }
  }
}

function invalidJob (issue: z.core.$ZodIssue | undefined): HostError {
  return new HostError(400, 'invalid-job', issue?.message ?? 'not a job', issue?.path.join('.') ?? null)
}
