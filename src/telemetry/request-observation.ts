/**
 * Watches one request from arrival to end and tells counters, trace, decision log and log line, each in its own words.
 * The request path calls it at the borders of its steps; nothing here may throw or decide.
 */
import type { Tier } from '../../workers/contract/job.js'
import type { AcceptedPart, AnswerPart, AnswerUsage, FinishedPart } from '../dialects/answer.js'
import { silentObserver, type AssignmentNote, type JobObserver } from '../dispatch/job-observer.js'
import type { PlaceInLine } from '../dispatch/waiting-line.js'
import { errorTable, type ErrorCode, type GatewayError } from '../errors.js'
import { BoundedText } from './bounded-text.js'
import type { Decision, DecisionLog, DecisionStep, StepDetails, StepName } from './decision-log.js'
import { hideCredentials } from './hide-credentials.js'
import { JobObservation, type JobOwner } from './job-observation.js'
import type { GatewayMetrics, Operation, Served } from './metrics.js'
import { attributesOf, type RequestTrace, type Tracer } from './request-trace.js'
import type { EndedOutcome, TrafficHistory } from './traffic-history.js'

export interface ObservationSinks {
  metrics: GatewayMetrics
  decisions: DecisionLog
  traffic: TrafficHistory
  /** null = traces are off. */
  tracer: Tracer | null
  /** Prompts and answers go into decision log and trace. */
  recordsContent: boolean
}

export interface ArrivedRequest {
  requestId: string
  path: string
  headers: Readonly<Record<string, string | string[] | undefined>>
}

export interface DecidedRequest {
  tier: Tier
  tierReason: string
  effort: string
  effortReason: string
  checkpoint: string
  modelName: string
  keyId: string | null
  isStream: boolean
}

export interface PlannedRequest {
  jobId: string
  promptTokens: number
  maxTokens: number
  temperature: number
  topP: number
}

export type LogLine = Record<string, string | number | boolean | null>

export class RequestObservation implements JobOwner {
  readonly #sinks: ObservationSinks
  readonly #arrived: ArrivedRequest
  readonly #startedAt = performance.now()
  readonly #startedEpochMs = performance.timeOrigin + this.#startedAt
  readonly #entry: Decision
  readonly #input = new BoundedText()
  readonly #output = new BoundedText()
  #stepBegan = this.#startedAt
  #trace: RequestTrace | null = null
  #served: Served | null = null
  #operation: Operation = 'chat'
  /** Probes and lists that go well are no traffic. */
  #isAnswer = false
  #expectedCachedTokens = 0
  #place: PlaceInLine | null = null
  #firstTokenAt: number | null = null
  #lastTokensAt = 0
  #tokenCount = 0
  #accepted: AcceptedPart | null = null
  #finished: FinishedPart | null = null
  #error: GatewayError | null = null

  constructor (sinks: ObservationSinks, arrived: ArrivedRequest) {
    this.#sinks = sinks
    this.#arrived = arrived
    this.#entry = emptyDecision(arrived, this.#startedEpochMs)
  }

  /** Whether a prompt or an answer has to be handed over at all. */
  get recordsContent (): boolean {
    return this.#sinks.recordsContent
  }

  /** The request asks for an answer, has a key if one is asked for, and its body was read: from here on it is worth remembering. */
  answering (operation: Operation): void {
    this.#operation = operation
    this.#isAnswer = true
    this.#trace = this.#sinks.tracer?.begin(this.#arrived.headers, this.#startedEpochMs) ?? null
    this.#entry.traceId = this.#trace?.traceId ?? null
    this.#trace?.set({ 'gen_ai.operation.name': operation, 'gen_ai.provider.name': 'deepseek', 'gearbox.request_id': this.#arrived.requestId })
    this.#sinks.decisions.add(this.#entry)
    this.#closeStep('receive', {})
  }

  understood (): void {
    this.#closeStep('dialect', {})
  }

  decided (decided: DecidedRequest): void {
    const { tier, tierReason, effort, effortReason, checkpoint, modelName, keyId, isStream } = decided
    Object.assign(this.#entry, { tier, tierReason, effort, effortReason, checkpoint, keyId, isStream })
    // A cascade that goes on to the other tier decides twice.
    if (this.#served !== null) this.#sinks.metrics.left(this.#served.tier)
    this.#served = { tier, modelName: checkpoint }
    this.#sinks.metrics.decided(tier, { reason: tierReason, effort, effortReason })
    this.#closeStep('policy', { tier, tierReason, effort, effortReason })
    this.#trace?.rename(`${this.#operation} ${modelName}`)
    this.#trace?.set({ 'gen_ai.request.model': modelName, 'gen_ai.response.model': checkpoint, 'gearbox.tier': tier, 'gearbox.tier_reason': tierReason, 'gearbox.effort': effort, 'gearbox.effort_reason': effortReason })
  }

  /** @param input what was asked, as JSON; only when `recordsContent` */
  planned ({ jobId, promptTokens, maxTokens, temperature, topP }: PlannedRequest, input: string | null): void {
    this.#entry.jobId = jobId
    if (input !== null) this.#input.add(input)
    this.#closeStep('tokenise', { promptTokens, maxTokens })
    this.#trace?.set({ 'gen_ai.response.id': jobId, 'gen_ai.request.max_tokens': maxTokens, 'gen_ai.request.temperature': temperature, 'gen_ai.request.top_p': topP, 'gen_ai.usage.input_tokens': promptTokens })
  }

  /** Watches one job; dispatch tells it. */
  forJob (): JobObserver {
    if (this.#served === null) return silentObserver
    return new JobObservation(this, { metrics: this.#sinks.metrics, traffic: this.#sinks.traffic, served: this.#served, trace: this.#trace })
  }

  /** In line for a worker; null = not, or not any more. */
  get place (): PlaceInLine | null {
    return this.#place
  }

  waiting (place: PlaceInLine): void {
    this.#place = place
  }

  assigned ({ workerId, reason, waitedMs, expectedCachedTokens }: AssignmentNote): void {
    this.#place = null
    this.#expectedCachedTokens += expectedCachedTokens
    this.#entry.queueMs = (this.#entry.queueMs ?? 0) + waitedMs
    this.#entry.workerId = workerId
    this.#closeStep('queue', { workerId, reason, expectedCachedTokens })
  }

  openStep (details: StepDetails): DecisionStep {
    const step: DecisionStep = { name: 'attempt', atMs: performance.now() - this.#startedAt, durationMs: null, details, fault: null }
    this.#entry.attempts += 1
    this.#entry.steps.push(step)
    return step
  }

  attemptEnded (step: DecisionStep, now: number): void {
    step.durationMs = now - this.#startedAt - step.atMs
    this.#stepBegan = now
  }

  tokens (count: number, now: number): void {
    this.#tokenCount += count
    if (this.#firstTokenAt === null) {
      this.#firstTokenAt = now
      this.#entry.firstTokenMs = now - this.#startedAt
      if (this.#served !== null) {
        this.#sinks.metrics.firstToken(this.#served, this.#operation, (now - this.#startedAt) / 1000)
        this.#sinks.traffic.firstToken(this.#served.tier, now - this.#startedAt)
      }
    }
    this.#lastTokensAt = now
  }

  /** A part of the answer, before the dialect makes chunks of it. */
  answered (part: AnswerPart): void {
    if (part.type === 'accepted') this.#accepted = part
    else if (part.type === 'finished') this.#finished = part
    else if (this.recordsContent) for (const piece of part.pieces) if ('text' in piece) this.#output.add(piece.text)
  }

  /** What the key was charged for all attempts; the first call counts. */
  charged (nanoUsd: number): void {
    if (this.#entry.costNanoUsd !== null) return
    this.#entry.costNanoUsd = nanoUsd
    if (this.#served !== null) this.#sinks.metrics.charged(this.#served.tier, nanoUsd)
  }

  failed (error: GatewayError): void {
    this.#error ??= error
  }

  /**
   * The response is over. Called once.
   *
   * @param isCut the client did not get all of it
   * @returns what the log line says of the answer
   */
  end ({ status, isCut }: { status: number, isCut: boolean }): LogLine {
    const entry = this.#entry
    const usage = this.#usage()
    const outcome = this.#outcome(isCut)
    const error = outcome === 'abandoned' ? 'client_closed_request' : this.#error?.code ?? null
    const durationMs = performance.now() - this.#startedAt
    Object.assign(entry, { status, usage, outcome, finish: this.#finished?.finish ?? null, durationMs })
    if (error !== null) entry.error = { code: error, message: hideCredentials(this.#error?.message.slice(0, 300) ?? '', this.#arrived.headers) }
    if (this.recordsContent) entry.content = { input: this.#input.text, output: this.#output.text }

    this.#sinks.metrics.answered(status)
    if (error !== null) this.#sinks.metrics.rejected(error)
    this.#countTraffic(outcome, durationMs)
    if (this.#served !== null) this.#count(this.#served, { durationMs, error, usage })
    if (this.#finished !== null) this.#closeStep('answer', { finish: this.#finished.finish })
    this.#endTrace(error, usage)
    return this.#logLine(usage)
  }

  #count (served: Served, { durationMs, error, usage }: { durationMs: number, error: ErrorCode | null, usage: AnswerUsage | null }): void {
    const { metrics } = this.#sinks
    const decodeSeconds = this.#firstTokenAt === null ? 0 : (this.#lastTokensAt - this.#firstTokenAt) / 1000
    metrics.ended(served, { operation: this.#operation, seconds: durationMs / 1000, decodeSeconds, finish: this.#finished?.finish ?? null, error, usage })
    if (this.#accepted !== null) metrics.cache(served, { expected: this.#expectedCachedTokens, actual: usage?.cachedTokens ?? 0 })
  }

  #countTraffic (outcome: EndedOutcome, durationMs: number): void {
    if (this.#isAnswer || this.#entry.error !== null) this.#sinks.traffic.ended(outcome, this.#served?.tier ?? null, durationMs)
  }

  #outcome (isCut: boolean): EndedOutcome {
    if (this.#error === null) return isCut ? 'abandoned' : 'completed'
    if (this.#error.code === 'client_closed_request') return 'abandoned'
    return errorTable[this.#error.code].status < 500 ? 'refused' : 'failed'
  }

  /** Of an answer that was cut, what is known: nobody counted its reasoning. */
  #usage (): AnswerUsage | null {
    if (this.#finished !== null) return this.#finished.usage
    if (this.#accepted === null) return null
    const promptTokens = Number(this.#entry.steps.find(step => step.name === 'tokenise')?.details['promptTokens'] ?? 0)
    return { promptTokens, cachedTokens: this.#accepted.cachedTokens ?? 0, completionTokens: this.#tokenCount, reasoningTokens: 0 }
  }

  #endTrace (error: string | null, usage: AnswerUsage | null): void {
    if (this.#trace === null) return
    if (usage !== null) {
      this.#trace.set({
        'gen_ai.usage.input_tokens': usage.promptTokens,
        'gen_ai.usage.output_tokens': usage.completionTokens,
        'gen_ai.usage.cache_read.input_tokens': usage.cachedTokens,
        'gen_ai.usage.reasoning.output_tokens': usage.reasoningTokens
      })
    }
    if (this.#finished !== null) this.#trace.set({ 'gen_ai.response.finish_reasons': [this.#finished.finish] })
    if (this.#entry.content !== null) this.#trace.set({ 'gen_ai.input.messages': this.#entry.content.input, 'gen_ai.output.messages': this.#entry.content.output })
    this.#trace.end(error)
  }

  #logLine (usage: AnswerUsage | null): LogLine {
    const { jobId, traceId, keyId, tier, tierReason, effort, effortReason, checkpoint, isStream, workerId, attempts, outcome, finish, costNanoUsd } = this.#entry
    const { queueMs, firstTokenMs } = this.#entry
    const error = this.#entry.error === null ? {} : { error: this.#entry.error.code, errorMessage: this.#entry.error.message }
    if (tier === null) return { outcome, keyId, ...error }
    return {
      outcome,
      jobId,
      ...(traceId === null ? {} : { traceId }),
      keyId,
      tier,
      tierReason,
      effort,
      effortReason,
      checkpoint,
      isStream,
      worker: workerId,
      attempts,
      queueMs: roundedMs(queueMs),
      firstTokenMs: roundedMs(firstTokenMs),
      promptTokens: usage?.promptTokens ?? null,
      cachedTokens: usage?.cachedTokens ?? null,
      completionTokens: usage?.completionTokens ?? null,
      reasoningTokens: usage?.reasoningTokens ?? null,
      costNanoUsd,
      finish,
      ...error
    }
  }

  /** A step that ends now and began where the one before it ended. */
  #closeStep (name: StepName, details: StepDetails): void {
    const now = performance.now()
    this.#entry.steps.push({ name, atMs: this.#stepBegan - this.#startedAt, durationMs: now - this.#stepBegan, details, fault: null })
    this.#trace?.step(name, { start: performance.timeOrigin + this.#stepBegan, end: performance.timeOrigin + now }, attributesOf(details))
    this.#stepBegan = now
  }
}

function emptyDecision ({ requestId, path }: ArrivedRequest, startedEpochMs: number): Decision {
  return {
    requestId,
    jobId: null,
    traceId: null,
    receivedAt: new Date(startedEpochMs).toISOString(),
    path,
    keyId: null,
    tier: null,
    tierReason: null,
    effort: null,
    effortReason: null,
    checkpoint: null,
    isStream: null,
    workerId: null,
    attempts: 0,
    outcome: 'running',
    error: null,
    status: null,
    finish: null,
    usage: null,
    costNanoUsd: null,
    queueMs: null,
    firstTokenMs: null,
    durationMs: null,
    steps: [],
    content: null
  }
}

function roundedMs (milliseconds: number | null): number | null {
  return milliseconds === null ? null : Math.round(milliseconds)
}
