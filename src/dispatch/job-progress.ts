/**
 * One request across its attempts: what was handed on, what the next attempt must ask for, and when to stop trying.
 * Pure: it does no I/O and reads no clock.
 *
 * Before the first token was handed on, an attempt may simply be repeated. After it, only a resume is honest: prompt and
 * emitted ids become the new prompt, so that the client's stream goes on where it broke and no token comes twice. Text from an
 * engine that only speaks chat has no ids to resume from: a break after it is told.
 */
import type { WorkerDescription } from '../../workers/contract/description.js'
import type { JobEvent } from '../../workers/contract/event.js'
import type { Job } from '../../workers/contract/job.js'
import { GatewayError } from '../errors.js'
import type { DispatchEvent, JobRequest } from './dispatch-event.js'
import { gatewayErrorFrom, WorkerFault } from './worker-fault.js'

export interface RetryLimits {
  /** Attempts in all, retries and resumes together. */
  maxAttempts: number
  /** Longest prompt + emitted that is worth computing again to save a stream. */
  maxResumeTokens: number
}

/** Two workers dead with the same job on them: the job is the likely cause, and no third is risked. */
const deathLimit = 2
/** One of this length is suspected at once: the prompts that kill engines are nearly always long. */
const longPromptTokens = 262_144

export interface AttemptWorker {
  workerId: string
  instanceId: string | null
  checkpoint: string
}

export class JobProgress {
  readonly tried = new Set<string>()
  readonly #request: JobRequest
  readonly #limits: RetryLimits
  readonly #emitted: number[] = []
  #attempts = 0
  #deaths = 0
  #deathsInPrompt = 0
  #cachedTokens: number | null = null
  #emittedBefore = 0
  /** The running attempt's engine renders, counts and parses for itself. */
  #speaksChat = false
  #hasText = false

  constructor (request: JobRequest, limits: RetryLimits) {
    this.#request = request
    this.#limits = limits
  }

  get attempts (): number {
    return this.#attempts
  }

  get isResume (): boolean {
    return this.#emitted.length > 0
  }

  /** Tokens the next attempt has to compute as prompt. */
  get promptTokens (): number {
    return this.#request.tokenIds.length + this.#emitted.length
  }

  get remainingTokens (): number {
    return this.#request.sampling.maxTokens - this.#emitted.length
  }

  /**
   * @param deadlineMs what is left of the request's own
   * @param capabilities of the worker that gets it; null = one that can do everything
   */
  nextJob (deadlineMs: number | null, capabilities: WorkerDescription['capabilities'] | null = null): Job {
    this.#attempts += 1
    this.#emittedBefore = this.#emitted.length
    this.#speaksChat = capabilities?.tokenIds === false
    const { tokenIds, sampling, deadlineMs: _whole, chat, wishes, session: _session, owner: _owner, ...rest } = this.#request
    const { maxTokens, minTokens, ...others } = sampling
    const emitted = this.#emitted.length
    return {
      ...rest,
      attempt: this.#attempts,
      tokenIds: emitted === 0 ? tokenIds : [...tokenIds, ...this.#emitted],
      ...(emitted === 0 ? {} : { resumedFrom: emitted }),
      ...(this.#speaksChat && chat !== undefined ? { chat: chat() } : {}),
      sampling: { ...(capabilities?.logprobs === false ? {} : wishes), ...others, maxTokens: maxTokens - emitted, ...(minTokens === undefined ? {} : { minTokens: Math.max(0, minTokens - emitted) }) },
      ...(deadlineMs === null ? {} : { deadlineMs })
    }
  }

  /**
   * An event of the running attempt, as the front door gets it.
   *
   * @throws WorkerFault for a fail event, and for an abort that nobody here asked for
   */
  take (event: JobEvent, worker: AttemptWorker, queueMs: number): DispatchEvent[] {
    switch (event.type) {
      case 'accepted': {
        if (this.isResume) return []
        this.#cachedTokens = event.cachedTokens
        const { workerId, checkpoint } = worker
        return [{ type: 'accepted', workerId, checkpoint, cachedTokens: event.cachedTokens, queueMs }]
      }
      case 'tokens':
        this.#emitted.push(...event.ids)
        return [event]
      case 'load':
        return []
      case 'text':
      case 'tool-call':
        if (!this.#speaksChat) throw new WorkerFault('broken', 'text in answer to token ids', { code: 'stream-broken', blame: 'worker', isRetryable: true })
        this.#hasText = true
        return [event]
      case 'done': {
        if (event.finish === 'abort') throw new WorkerFault('failed', 'the worker aborted the job', { code: 'aborted', blame: 'worker', isRetryable: true })
        if (this.#speaksChat) return [{ ...event, countedBy: 'engine' }]
        if (event.usage === null) throw new WorkerFault('broken', 'an end without counts', { code: 'stream-broken', blame: 'worker', isRetryable: true })
        const { completionTokens, cachedTokens } = event.usage
        const usage = {
          promptTokens: this.#request.tokenIds.length,
          completionTokens: this.#emittedBefore + completionTokens,
          cachedTokens: this.#emittedBefore > 0 ? this.#cachedTokens : cachedTokens
        }
        return [{ ...event, usage, countedBy: 'gateway' }]
      }
      case 'fail':
        throw new WorkerFault('failed', event.message, { code: event.code, blame: event.blame, isRetryable: event.retryable })
    }
  }

  /**
   * The running attempt has failed. Returns the end of the answer when there is nothing left to compute, null when another attempt
   * is in order.
   *
   * @throws GatewayError when it is not
   */
  fail (fault: WorkerFault, worker: AttemptWorker): DispatchEvent | null {
    if (worker.instanceId !== null) this.tried.add(worker.instanceId)
    if (fault.isDeath) this.#noteDeath()
    if (this.isResume && this.remainingTokens === 0 && fault.blame !== 'request') return this.#lengthReached()
    const error = gatewayErrorFrom(fault, worker.workerId)
    if (!fault.isRetryable || this.#attempts >= this.#limits.maxAttempts) throw error
    if (this.#deaths >= this.#deathLimit) {
      throw new GatewayError('internal_error', `${this.#deaths === 1 ? 'a worker' : `${this.#deaths} workers`} died while computing this request; it is not tried again`, { cause: fault })
    }
    if (this.#hasText || (this.isResume && !this.#isResumable())) throw error
    return null
  }

  /** Workers died while they computed its prompt, as many as are risked: the same prompt would do it again. */
  get isPoison (): boolean {
    return this.#deathsInPrompt >= this.#deathLimit
  }

  get #deathLimit (): number {
    return this.#request.tokenIds.length > longPromptTokens ? 1 : deathLimit
  }

  #noteDeath (): void {
    this.#deaths += 1
    if (this.#emitted.length === this.#emittedBefore && !this.#hasText) this.#deathsInPrompt += 1
  }

  /** Whether a worker can go on under the job's constraint is for the choice of the next one to find out. */
  #isResumable (): boolean {
    return this.promptTokens <= this.#limits.maxResumeTokens
  }

  /** Everything asked for had been emitted; only the worker's last word was lost. */
  #lengthReached (): DispatchEvent {
    const usage = { promptTokens: this.#request.tokenIds.length, completionTokens: this.#emitted.length, cachedTokens: this.#cachedTokens }
    return { type: 'done', finish: 'length', stopTokenId: null, usage, countedBy: 'gateway' }
  }
}
