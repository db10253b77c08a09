/** One job of a request on its way through dispatch; a request for several choices has several at once. */
import type { AssignmentNote, AttemptNote, FaultNote, JobObserver } from '../dispatch/job-observer.js'
import type { PlaceInLine } from '../dispatch/waiting-line.js'
import type { DecisionStep, StepDetails } from './decision-log.js'
import type { GatewayMetrics, Served } from './metrics.js'
import type { AttemptTrace, RequestTrace } from './request-trace.js'
import { attributesOf } from './request-trace.js'
import type { TrafficHistory } from './traffic-history.js'

/** What a job tells its request. */
export interface JobOwner {
  waiting (place: PlaceInLine): void
  assigned (note: AssignmentNote): void
  /** Puts a step into the decision that has not ended yet. */
  openStep (details: StepDetails): DecisionStep
  /** Tokens of any job; the first ones are the request's first. */
  tokens (count: number, now: number): void
  attemptEnded (step: DecisionStep, now: number): void
}

export interface JobSinks {
  metrics: GatewayMetrics
  served: Served
  traffic: TrafficHistory
  trace: RequestTrace | null
}

export class JobObservation implements JobObserver {
  readonly #owner: JobOwner
  readonly #sinks: JobSinks
  #workerId = ''
  #step: DecisionStep | null = null
  #attemptTrace: AttemptTrace | null = null
  #lastFault: FaultNote | null = null
  #lastTokensAt: number | null = null
  #tokenCount = 0

  constructor (owner: JobOwner, sinks: JobSinks) {
    this.#owner = owner
    this.#sinks = sinks
  }

  waiting (place: PlaceInLine): void {
    this.#owner.waiting(place)
  }

  assigned (note: AssignmentNote): void {
    this.#sinks.metrics.queued(this.#sinks.served, note.waitedMs / 1000)
    this.#owner.assigned(note)
  }

  attemptBegan ({ attempt, workerId, instanceId, isResume }: AttemptNote): Readonly<Record<string, string>> {
    const { metrics, served, trace } = this.#sinks
    if (attempt > 1) metrics.attemptAgain(served.tier, { isResume, fault: this.#lastFault?.kind ?? 'none' })
    const details = { attempt, workerId, instanceId, isResume }
    this.#workerId = workerId
    this.#step = this.#owner.openStep(details)
    this.#attemptTrace = trace?.attempt(attributesOf(details)) ?? null
    return this.#attemptTrace?.headers ?? {}
  }

  tokens (count: number): void {
    const now = performance.now()
    this.#tokenCount += count
    const gapMs = this.#lastTokensAt === null ? null : (now - this.#lastTokensAt) / count
    if (gapMs !== null) this.#sinks.metrics.tokenGap(this.#sinks.served, gapMs / 1000)
    this.#sinks.traffic.tokens(this.#sinks.served.tier, count, gapMs)
    this.#lastTokensAt = now
    this.#owner.tokens(count, now)
  }

  attemptEnded (fault: FaultNote | null): void {
    const { metrics, served } = this.#sinks
    this.#lastFault = fault
    if (fault !== null) metrics.faulted(served.tier, this.#workerId, fault.kind)
    if (this.#step !== null) {
      this.#step.fault = fault === null ? null : { kind: fault.kind, code: fault.code, message: fault.message }
      this.#owner.attemptEnded(this.#step, performance.now())
    }
    this.#attemptTrace?.end({ 'gen_ai.usage.output_tokens': this.#tokenCount }, fault?.kind ?? null)
    this.#attemptTrace = null
    this.#step = null
  }
}
