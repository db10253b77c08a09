/** One job on one worker: what it says of itself goes into the worker's books. */
import type { JobEvent } from '../../workers/contract/event.js'
import type { AnswerLengths } from './answer-lengths.js'
import type { BlockChain } from './block-chain.js'
import { plannedTokens, type JobNeed } from './choose-worker.js'
import type { Clock } from './clock.js'
import { jobsOn, queuedPromptTokens } from './estimate-work.js'
import { lengthClassOf } from './length-class.js'
import type { OpenWork } from './open-work.js'
import type { WorkerRecord } from './worker-record.js'
import type { WorkerRegistry } from './worker-registry.js'

export interface SentJobOptions {
  record: WorkerRecord
  /** Of the prompt. It is shared by attempts, and not changed. */
  chain: BlockChain
  heldTokens: number
  expectedCachedTokens: number
  need: Pick<JobNeed, 'promptTokens' | 'answerTokens'>
  lengths: AnswerLengths
  registry: Pick<WorkerRegistry, 'begin' | 'noteLoad'>
  clock: Pick<Clock, 'now'>
}

export interface JobCost {
  promptTokens: number
  answerTokens: number
}

/** Shorter answers say little of the time between tokens. */
const minAnswerTokens = 8
const leastDecodeShare = 0.1

export class SentJob {
  readonly #options: SentJobOptions
  readonly #work: OpenWork
  readonly #sentAt: number
  /** Prompt tokens to be computed before this job's. */
  readonly #tokensAhead: number
  #cachedTokens: number
  #isAccepted = false
  #emitted: number[] = []
  #firstAt: number | null = null
  #lastAt = 0
  #batchAtFirst = 1
  /** By the worker, of ours, when the first token came. */
  #computedAtFirst = 0

  constructor (options: SentJobOptions) {
    const { record, chain, expectedCachedTokens, need, registry, clock } = options
    this.#options = options
    this.#sentAt = clock.now()
    this.#tokensAhead = queuedPromptTokens(record)
    this.#cachedTokens = expectedCachedTokens
    const planned = plannedTokens(options, need)
    this.#work = registry.begin(record, { promptTokens: Math.max(0, need.promptTokens - expectedCachedTokens), reservedTokens: planned, lengthClass: lengthClassOf(planned) })
    record.prefixes.insert(chain.hashes)
  }

  /** Prompt tokens to be computed and tokens of the answer, as it was thought when it was sent. */
  get expected (): JobCost {
    const { need, expectedCachedTokens } = this.#options
    return { promptTokens: need.promptTokens - expectedCachedTokens, answerTokens: need.answerTokens.expected }
  }

  /** The same, as it turned out so far. */
  get done (): JobCost {
    return { promptTokens: this.#isAccepted ? this.#options.need.promptTokens - this.#cachedTokens : 0, answerTokens: this.#emitted.length }
  }

  note (event: JobEvent): void {
    if (event.type === 'load') this.#options.registry.noteLoad(this.#options.record, event.report)
    if (event.type === 'accepted') this.#accepted(event.cachedTokens)
    if (event.type === 'tokens') this.#tokens(event.ids)
    if (event.type === 'text' || event.type === 'tool-call') this.#work.prefilled()
    if (event.type === 'fail' && event.code === 'queue-full') this.#options.record.limit.refused(this.#options.record.inFlight.jobs)
    if (event.type === 'done' && event.finish !== 'abort') this.#done()
  }

  /** However it ended. Counts once. */
  end (): void {
    this.#work.end()
  }

  #accepted (cachedTokens: number | null): void {
    this.#isAccepted = true
    if (cachedTokens === null) return
    const { record, heldTokens } = this.#options
    this.#cachedTokens = cachedTokens
    record.prefixes.learn({ heldTokens, cachedTokens })
  }

  #tokens (ids: readonly number[]): void {
    const { record, need, clock } = this.#options
    const now = clock.now()
    if (this.#firstAt === null) {
      this.#firstAt = now
      this.#batchAtFirst = jobsOn(record)
      this.#work.prefilled()
      const computed = Math.max(0, need.promptTokens - this.#cachedTokens)
      record.rates.learnPrefill({ tokens: this.#tokensAhead + computed, seconds: (now - this.#sentAt) / 1000 })
      record.computedPromptTokens += computed
      this.#computedAtFirst = record.computedPromptTokens
    }
    this.#lastAt = now
    for (const id of ids) this.#emitted.push(id)
  }

  #done (): void {
    const { record, chain, lengths } = this.#options
    const count = this.#emitted.length
    lengths.learn(count)
    const whole = chain.copy()
    whole.add(this.#emitted)
    record.prefixes.insert(whole.hashes)
    if (this.#firstAt === null || count < minAnswerTokens) return
    const seconds = this.#decodeSeconds((this.#lastAt - this.#firstAt) / 1000) / (count - 1)
    record.rates.learnStep({ jobs: (this.#batchAtFirst + jobsOn(record)) / 2, seconds })
    record.limit.streamed(seconds, record.inFlight.jobs)
  }

  /**
   * Of a stream's time, without what went into the prompts that were computed between its tokens: those are the queue's, and counted
   * there. Their own rate is only learned, so that some of the time is left in any case.
   */
  #decodeSeconds (streamSeconds: number): number {
    const { record } = this.#options
    const prefillSeconds = (record.computedPromptTokens - this.#computedAtFirst) / record.rates.prefillTokensPerSecond
    return Math.max(leastDecodeShare * streamSeconds, streamSeconds - prefillSeconds)
  }
}
