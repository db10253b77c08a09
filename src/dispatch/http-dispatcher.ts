/**
 * Runs a job on some worker of its tier and makes one stream of its attempts.
 *
 *   wait in line ─▶ send ─▶ events ─▶ done
 *        ▲                    │ fault
 *        └── back off ◀───────┴── not retryable, or tried enough ─▶ GatewayError
 */
import type { BaseLogger } from 'pino'
import type { JobEvent } from '../../workers/contract/event.js'
import type { Tier } from '../../workers/contract/job.js'
import { GatewayError } from '../errors.js'
import { pause, systemClock, type Clock } from './clock.js'
import type { DispatchEvent, Dispatcher, JobRequest } from './dispatch-event.js'
import { silentObserver, type JobObserver } from './job-observer.js'
import { JobProgress, type AttemptWorker, type RetryLimits } from './job-progress.js'
import { OutputSentinel } from './output-sentinel.js'
import { PoisonedPrompts } from './poisoned-prompts.js'
import { RetryBudget, type RetryBudgetLimits } from './retry-budget.js'
import { Router, type Assignment } from './router.js'
import { StallWatch } from './stall-watch.js'
import { WaitingLine, type PlaceInLine } from './waiting-line.js'
import { defaultWatchdogLimits, firstTokenLimitMs, watch, type WatchdogLimits } from './watchdogs.js'
import { gatewayErrorFrom, WorkerFault } from './worker-fault.js'
import type { WorkerRecord } from './worker-record.js'
import type { WorkerRegistry } from './worker-registry.js'

export interface DispatcherOptions {
  registry: WorkerRegistry
  logger: BaseLogger
  clock?: Clock
  /** In [0, 1). */
  random?: () => number
  watchdogs?: Partial<WatchdogLimits>
  retries?: Partial<RetryLimits>
  retryBudget?: RetryBudgetLimits
  /** First pause before trying an instance again that has just failed; doubles with each attempt. Another instance is tried at once. */
  backoffMs?: number
  maxWaiting?: number
  maxWaitMs?: number
  maxJobsPerWorker?: number
}

export class HttpDispatcher implements Dispatcher {
  readonly #registry: WorkerRegistry
  readonly #logger: BaseLogger
  readonly #clock: Clock
  readonly #watchdogs: WatchdogLimits
  readonly #retries: RetryLimits
  readonly #backoffMs: number
  readonly #line: WaitingLine
  readonly #stalls: StallWatch
  readonly #budget: RetryBudget
  readonly #poison: PoisonedPrompts

  constructor (options: DispatcherOptions) {
    const { registry, logger, clock = systemClock, random = Math.random, backoffMs = 100 } = options
    const { maxWaiting = 256, maxWaitMs = 60_000, maxJobsPerWorker = 256 } = options
    this.#registry = registry
    this.#logger = logger
    this.#clock = clock
    this.#watchdogs = { ...defaultWatchdogLimits, ...options.watchdogs }
    this.#retries = { maxAttempts: 3, maxResumeTokens: 131_072, ...options.retries }
    this.#backoffMs = backoffMs
    this.#stalls = new StallWatch({ clock, stallMs: this.#watchdogs.stallMs, stalled: record => { registry.noteStall(record) } })
    this.#budget = new RetryBudget(options.retryBudget)
    this.#poison = new PoisonedPrompts(clock)
    this.#line = new WaitingLine({ registry, clock, maxWaiting, maxWaitMs, router: new Router({ registry, clock, random, maxJobsPerWorker }) })
  }

  /** Requests of a tier that wait for a worker. */
  waiting (tier: Tier): number {
    return this.#line.waiting(tier)
  }

  /** Prompt tokens of those. */
  waitingTokens (tier: Tier): number {
    return this.#line.waitingTokens(tier)
  }

  /** Stops serving the line; running streams go on to their end. */
  close (): void {
    this.#line.close()
  }

  async * generate (request: JobRequest, signal: AbortSignal, observer: JobObserver = silentObserver): AsyncGenerator<DispatchEvent, void, undefined> {
    const started = this.#clock.now()
    if (this.#poison.has(request)) throw new GatewayError('internal_error', 'workers died while computing this prompt a short while ago; it is not tried again now')
    this.#budget.earn()
    const progress = new JobProgress(request, this.#retries)
    const ending = new AbortController()
    const onLeave = (): void => ending.abort(reasonOf(signal))
    signal.addEventListener('abort', onLeave)
    if (signal.aborted) onLeave()
    const cancelDeadline = this.#armDeadline(request, ending)
    try {
      while (true) {
        const waitingSince = this.#clock.now()
        const assignment = await this.#assign(request, progress, ending.signal, place => observer.waiting?.(place))
        const { worker: { workerId }, reason, expectedCachedTokens } = assignment
        observer.assigned({ workerId, reason, waitedMs: this.#clock.now() - waitingSince, expectedCachedTokens })
        const fault = yield * this.#attempt({ request, progress, assignment, observer, started }, ending.signal)
        if (fault === null) return
        const last = this.#judge(fault, progress, attemptWorker(assignment, request), request)
        if (last !== null) return yield last
      }
    } finally {
      cancelDeadline()
      signal.removeEventListener('abort', onLeave)
    }
  }

  /** The end of the answer, or null when it is worth another attempt. @throws GatewayError when it is not */
  #judge (fault: WorkerFault, progress: JobProgress, worker: AttemptWorker, request: JobRequest): DispatchEvent | null {
    try {
      const last = progress.fail(fault, worker)
      if (last === null && !progress.isResume && !fault.isFree && !this.#budget.spend()) throw gatewayErrorFrom(fault, worker.workerId)
      return last
    } finally {
      if (progress.isPoison) this.#poison.add(request)
    }
  }

  /** One worker, and a pause before it when it is one that has just failed this job. */
  async #assign (request: JobRequest, progress: JobProgress, signal: AbortSignal, moved: (place: PlaceInLine) => void): Promise<Assignment> {
    const order = {
      tier: request.tier,
      checkpoint: request.checkpoint,
      tokenIds: request.tokenIds,
      cacheSalt: request.cacheSalt,
      session: request.session,
      owner: request.owner,
      priority: request.priority,
      promptTokens: progress.promptTokens,
      maxTokens: progress.remainingTokens,
      isResume: progress.isResume,
      ...(request.constraint === undefined ? {} : { constraint: request.constraint.kind }),
      wantsLogprobs: request.sampling.logprobs !== undefined,
      hasChat: request.chat !== undefined,
      tried: progress.tried
    }
    const assignment = await this.#line.acquire(order, signal, moved)
    if (assignment.reason !== 'already-tried') return assignment
    assignment.release()
    await pause(this.#clock, this.#backoffMs * 2 ** (progress.attempts - 1), signal)
    return await this.#line.acquire(order, signal, moved)
  }

  /** Hands on the events of one attempt; returns its fault, or null when the answer is complete. */
  async * #attempt ({ request, progress, assignment, observer, started }: Attempt, signal: AbortSignal): AsyncGenerator<DispatchEvent, WorkerFault | null, undefined> {
    const { worker, release } = assignment
    const now = this.#clock.now()
    const queuedAhead = (worker.load?.queuedTokens ?? 0) + worker.sentSinceLoad.promptTokens
    const job = progress.nextJob(deadlineLeftMs(request, now - started), worker.description?.capabilities ?? null)
    const hangUp = new AbortController()
    const onEnding = (): void => hangUp.abort(signal.reason)
    signal.addEventListener('abort', onEnding)
    const headers = observer.attemptBegan({ attempt: job.attempt, workerId: worker.workerId, instanceId: worker.instanceId, isResume: job.resumedFrom !== undefined })
    const sentinel = new OutputSentinel()
    let isEnded = false
    let failure: WorkerFault | null = null
    try {
      const firstTokenMs = firstTokenLimitMs(this.#watchdogs, Math.max(queuedAhead, job.tokenIds.length))
      const bite = (fault: WorkerFault): void => hangUp.abort(fault)
      const events = this.#stalls.follow(worker.client.generate(job, hangUp.signal, headers), { record: worker, firstTokenMs, bite })
      for await (const event of watch(events, { firstTokenMs, limits: this.#watchdogs, clock: this.#clock, hasProgressed: progressOf(worker), bite })) {
        hangUp.signal.throwIfAborted()
        isEnded = event.type === 'done' || event.type === 'fail'
        assignment.job.note(event)
        tellTokens(event, observer)
        lookAt(event, sentinel)
        yield * progress.take(event, attemptWorker(assignment, request), now - started)
        if (event.type !== 'done') continue
        this.#registry.noteSuccess(worker)
        return null
      }
      throw new WorkerFault('broken', 'the stream ended without done or fail', { code: 'stream-broken', blame: 'worker', isRetryable: true })
    } catch (error) {
      if (!(error instanceof WorkerFault)) throw error
      failure = error
      this.#registry.noteFault(worker, error)
      // A connection that never was, or that the worker itself cut, has no job to abort.
      isEnded ||= error.kind === 'unreachable' || error.kind === 'refused' || error.kind === 'broken'
      return error
    } finally {
      signal.removeEventListener('abort', onEnding)
      observer.attemptEnded(failure)
      if (sentinel.count > 0 || sentinel.isSuspect) this.#registry.noteAnswer(worker, sentinel.isSuspect)
      release()
      if (!isEnded) this.#abortDetached(assignment, job)
    }
  }

  /**
   * Hanging up has already told the worker to stop. This says it again in words, for a host behind a proxy that keeps
   * connections open; nobody waits for the answer.
   */
  #abortDetached ({ worker }: Assignment, { requestId, attempt }: { requestId: string, attempt: number }): void {
    worker.client.abort({ requestIds: [requestId], upToAttempt: attempt }).catch((error: unknown) => {
      this.#logger.debug({ err: error, workerId: worker.workerId, requestId }, 'abort was not answered')
    })
  }

  #armDeadline ({ deadlineMs }: JobRequest, ending: AbortController): () => void {
    if (deadlineMs === undefined) return () => {}
    return this.#clock.after(deadlineMs, () => {
      ending.abort(new GatewayError('deadline_exceeded', `the answer was not complete after ${deadlineMs} ms`))
    })
  }
}

interface Attempt {
  request: JobRequest
  progress: JobProgress
  assignment: Assignment
  observer: JobObserver
  /** When the request came, on the dispatcher's clock. */
  started: number
}

function attemptWorker ({ worker }: Assignment, { checkpoint }: JobRequest): AttemptWorker {
  const { workerId, instanceId, description } = worker
  return { workerId, instanceId, checkpoint: description?.checkpoint.name ?? checkpoint }
}

function deadlineLeftMs ({ deadlineMs }: JobRequest, spentMs: number): number | null {
  return deadlineMs === undefined ? null : Math.max(1, deadlineMs - spentMs)
}

/** Of engines that speak text no ids are seen, and nothing is said. */
function lookAt (event: JobEvent, sentinel: OutputSentinel): void {
  if (event.type === 'tokens') sentinel.push(event.ids)
  if (event.type === 'done' && event.finish === 'stop' && event.usage?.completionTokens === 0) sentinel.stopped()
}

function tellTokens (event: JobEvent, observer: JobObserver): void {
  const tokens = tokensIn(event)
  if (tokens > 0) observer.tokens(tokens, event.type === 'tokens' ? 'ids' : 'text')
}

/** Exact for ids. Of text nobody here knows: a piece is a token at least, and by its length. What an answer that ends well owes is counted at its end. */
function tokensIn (event: JobEvent): number {
  if (event.type === 'tokens') return event.ids.length
  if (event.type !== 'text' && event.type !== 'tool-call') return 0
  const text = event.type === 'text' ? event.text : event.argumentsText
  return Math.max(1, Math.ceil(Buffer.byteLength(text) / bytesPerToken))
}

const bytesPerToken = 4

/** Compares the counters of the worker's load reports between two questions. */
function progressOf (worker: WorkerRecord): () => boolean {
  const computed = (): number | null => {
    const { promptTokensTotal = null, generatedTokensTotal = null } = worker.load ?? {}
    return promptTokensTotal === null || generatedTokensTotal === null ? null : promptTokensTotal + generatedTokensTotal
  }
  let last = computed()
  return () => {
    const before = last
    last = computed()
    return before === null || last === null || last > before
  }
}

/** What a front door aborted with, when it is one of ours (draining, say); otherwise the client has left. */
function reasonOf (signal: AbortSignal): GatewayError {
  const reason: unknown = signal.reason
  return reason instanceof GatewayError ? reason : new GatewayError('client_closed_request', 'the client closed the request', { cause: reason })
}
