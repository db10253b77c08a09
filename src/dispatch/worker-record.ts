import type { WorkerDescription } from '../../workers/contract/description.js'
import type { LoadReport } from '../../workers/contract/event.js'
import type { Tier } from '../../workers/contract/job.js'
import { AdaptiveLimit } from './adaptive-limit.js'
import { AnswerQuality } from './answer-quality.js'
import { Breaker } from './breaker.js'
import { LearnedRates } from './learned-rates.js'
import type { LengthClass } from './length-class.js'
import { PrefixIndex } from './prefix-index.js'
import type { WorkerClient } from './worker-client.js'
import type { FaultKind, WorkerFault } from './worker-fault.js'

/**
 * registered: known by address, never answered. starting: answers, still loading. warming: ready, being examined. serving. degraded:
 * serving, but failed lately; used when nothing better is left. draining: finishes what it has. gone: this incarnation
 * will not come back. quarantined: taken out by hand or for corrupt output, until released or restarted.
 */
export type WorkerState = 'registered' | 'starting' | 'warming' | 'serving' | 'degraded' | 'draining' | 'gone' | 'quarantined'

/** One failure, kept for people. */
export interface PastFault {
  /** Milliseconds since 1970. */
  at: number
  kind: FaultKind
  code: string
  message: string
}

/** Computed per second, between the last two load reports at least a second apart. */
export interface TokenRates {
  promptTokens: number
  generatedTokens: number
}

/** Work that was sent to a worker and is not done. */
export interface SentWork {
  jobs: number
  /** Of prompts, to be computed: without what the worker was believed to have cached, and only until the first token. */
  promptTokens: number
  /** Of KV memory: the same, and the answer that is expected. */
  reservedTokens: number
}

export const noWork: Readonly<SentWork> = { jobs: 0, promptTokens: 0, reservedTokens: 0 }

const keptFaults = 10
const rateWindowMs = 1000

/**
 * One incarnation of a worker. A restarted process gets a new record, so that nothing learned about the dead one (faults, work
 * in flight, load) is held against or credited to the new.
 */
export class WorkerRecord {
  readonly workerId: string
  readonly tier: Tier
  readonly client: WorkerClient
  state: WorkerState = 'registered'
  /** Why it is in this state, for people. */
  stateReason = 'not yet reached'
  description: WorkerDescription | null = null
  load: LoadReport | null = null
  readonly inFlight: SentWork = { ...noWork }
  /** Sent since the last load report was asked for: what that report cannot know yet. */
  readonly sentSinceLoad: SentWork = { ...noWork }
  /** What other gateways say that they have sent; none say so without a shared store. */
  shared: Readonly<SentWork> = noWork
  /** Long prompts of ours that are being computed, by class. */
  readonly longPrefills: Record<Exclude<LengthClass, 'S'>, number> = { L: 0, XL: 0 }
  /** Prompt tokens of ours that it has computed so far. */
  computedPromptTokens = 0
  readonly prefixes = new PrefixIndex()
  readonly rates = new LearnedRates()
  readonly limit = new AdaptiveLimit({ initialJobs: 64, maxJobs: 256 })
  readonly breaker = new Breaker()
  readonly quality = new AnswerQuality()
  missedPolls = 0
  /** The latest last. */
  readonly pastFaults: PastFault[] = []
  /** Null until two reports are known, and for engines that do not count. */
  tokenRates: TokenRates | null = null
  #unexplained: Readonly<SentWork> = noWork
  #rateBase: { at: number, load: LoadReport } | null = null
  #faults = 0
  #faultsAnswered = 0
  #degradedUntil = -Infinity

  constructor (workerId: string, tier: Tier, client: WorkerClient) {
    this.workerId = workerId
    this.tier = tier
    this.client = client
  }

  /** Null until the worker has described itself. */
  get instanceId (): string | null {
    return this.description?.instanceId ?? null
  }

  /** It gave cause to think that the process is gone, and has not answered a probe since. */
  get isSuspect (): boolean {
    return this.#faults > this.#faultsAnswered
  }

  get canServe (): boolean {
    return (this.state === 'serving' || this.state === 'degraded') && !this.isSuspect && this.breaker.state !== 'open'
  }

  /** Hands a mark to the probe about to be sent; its answer clears only suspicions older than the probe. */
  markProbe (): () => void {
    const faults = this.#faults
    return () => { this.#faultsAnswered = Math.max(this.#faultsAnswered, faults) }
  }

  noteFault (fault: WorkerFault, degradedUntil: number): void {
    if (fault.isSuspicious) this.#faults += 1
    this.pastFaults.push({ at: Date.now(), kind: fault.kind, code: fault.code, message: fault.message })
    if (this.pastFaults.length > keptFaults) this.pastFaults.shift()
    if (!fault.isIllness) return
    this.#degradedUntil = degradedUntil
    if (this.state === 'serving') this.move('degraded', `it ${fault.saying}`)
  }

  /** An answer was completed: whatever failed before is over. */
  noteSuccess (): void {
    this.breaker.succeed()
    this.#degradedUntil = -Infinity
    if (this.state === 'degraded') this.move('serving', 'completed a job')
  }

  /** @param now what the record's clock says, in the unit of noteFault's degradedUntil */
  recover (now: number): void {
    if (this.state === 'degraded' && now >= this.#degradedUntil) this.move('serving', 'no fault lately')
  }

  /** Work of others on this worker: what its report has beyond ours, or what they say themselves. */
  get elsewhere (): SentWork {
    return {
      jobs: Math.max(this.#unexplained.jobs, this.shared.jobs),
      promptTokens: Math.max(this.#unexplained.promptTokens, this.shared.promptTokens),
      reservedTokens: Math.max(this.#unexplained.reservedTokens, this.shared.reservedTokens)
    }
  }

  /**
   * @param now milliseconds of the record's clock
   * @param ours what was in flight when the report was asked for
   */
  noteLoad (load: LoadReport, now: number, ours: SentWork = this.inFlight): void {
    this.load = load
    this.#unexplained = {
      jobs: Math.max(0, (load.running ?? 0) + (load.waiting ?? 0) - ours.jobs),
      promptTokens: Math.max(0, (load.queuedTokens ?? 0) - ours.promptTokens),
      reservedTokens: Math.max(0, (load.kvUsedTokens ?? 0) - ours.reservedTokens)
    }
    this.prefixes.setCapacity(load.kvCapacityTokens)
    this.limit.reported({ jobs: load.waiting, seconds: load.queuedTokens === null ? null : load.queuedTokens / this.rates.prefillTokensPerSecond }, this.inFlight.jobs)
    const base = this.#rateBase
    if (base !== null && now - base.at < rateWindowMs) return
    this.tokenRates = base === null ? null : ratesBetween(base.load, load, (now - base.at) / 1000)
    this.#rateBase = { at: now, load }
  }

  move (state: WorkerState, reason: string): void {
    this.state = state
    this.stateReason = reason
  }
}

function ratesBetween (before: LoadReport, after: LoadReport, seconds: number): TokenRates | null {
  const { promptTokensTotal: promptBefore, generatedTokensTotal: generatedBefore } = before
  const { promptTokensTotal: promptAfter, generatedTokensTotal: generatedAfter } = after
  if (promptBefore === null || generatedBefore === null || promptAfter === null || generatedAfter === null) return null
  return { promptTokens: Math.max(0, promptAfter - promptBefore) / seconds, generatedTokens: Math.max(0, generatedAfter - generatedBefore) / seconds }
}
