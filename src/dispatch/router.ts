/**
 * Places jobs on workers and keeps the books that the choice is made from: what each worker has, holds and can do. It waits for
 * nothing and sends nothing.
 */
import type { Tier } from '../../workers/contract/job.js'
import { AnswerLengths } from './answer-lengths.js'
import type { BlockChain } from './block-chain.js'
import { chooseWorker, type Candidate, type Choice, type ChoiceReason, type ChooseOptions, type JobNeed, type WaitReason } from './choose-worker.js'
import { PromptChains } from './prompt-chains.js'
import { SentJob } from './sent-job.js'
import type { Clock } from './clock.js'
import type { WorkerRecord } from './worker-record.js'
import type { WorkerRegistry } from './worker-registry.js'

export interface RouterOptions extends Omit<ChooseOptions, 'tieSeconds'> {
  registry: Pick<WorkerRegistry, 'list' | 'begin' | 'noteLoad' | 'hasPeers'>
  clock: Pick<Clock, 'now'>
  /** Jobs of ours on one worker at a time, whatever it could take. */
  maxJobsPerWorker: number
}

/** A job as whoever sends it knows it. */
export interface JobOrder extends Omit<JobNeed, 'answerTokens' | 'sessionInstance'> {
  tier: Tier
  tokenIds: readonly number[]
  maxTokens: number
  /** Whose prefixes may be shared; absent = anybody's. */
  cacheSalt?: string | undefined
  /** Jobs of one session like to run on one worker. */
  session?: string | undefined
  /** Whose turn it takes; absent = nobody's in particular. */
  owner?: string | undefined
  /** Higher goes first; absent = 0. */
  priority?: number | undefined
}

/** An order that has been looked at once, however often it is tried. */
export interface PreparedOrder {
  order: JobOrder
  chain: BlockChain
  sessionKey: string | null
}

/** A worker taken for a job; its books hold the job until `release`. */
export interface Assignment {
  worker: WorkerRecord
  reason: ChoiceReason
  expectedCachedTokens: number
  job: SentJob
  release: () => void
}

/** Sessions remembered, the latest used. */
const mostSessions = 50_000
/** With other gateways about, their work is known only as it was a moment ago. */
const tieSecondsAmongPeers = 0.25

export class Router {
  readonly #options: RouterOptions
  readonly #chains = new PromptChains()
  readonly #lengths: Record<Tier, AnswerLengths> = { flash: new AnswerLengths(), pro: new AnswerLengths() }
  readonly #sessions = new Map<string, string>()

  constructor (options: RouterOptions) {
    this.#options = options
  }

  prepare (order: JobOrder): PreparedOrder {
    const { tokenIds, cacheSalt = '', session = null } = order
    return { order, chain: this.#chains.chainOf(tokenIds, { salt: cacheSalt, session }), sessionKey: session === null ? null : `${order.tier} ${cacheSalt} ${session}` }
  }

  /** What would be chosen now; nothing changes. */
  choose (prepared: PreparedOrder): Choice<RecordCandidate> {
    const { registry, random } = this.#options
    const candidates = registry.list(prepared.order.tier).map(record => this.#candidateOf(record, prepared))
    return chooseWorker(candidates, this.#needOf(prepared), { random, ...(registry.hasPeers ? { tieSeconds: tieSecondsAmongPeers } : {}) })
  }

  /** Takes a worker for the job, or says why none can be had now. */
  place (prepared: PreparedOrder): Assignment | WaitReason {
    const choice = this.choose(prepared)
    if (choice.kind === 'none') return choice.reason
    const { worker: { record, matchedTokens, expectedCachedTokens }, reason } = choice
    this.#remember(prepared.sessionKey, record)
    const { registry, clock } = this.#options
    const { order: { tier }, chain } = prepared
    const job = new SentJob({ record, chain, matchedTokens, expectedCachedTokens, need: this.#needOf(prepared), lengths: this.#lengths[tier], registry, clock })
    return { worker: record, reason, expectedCachedTokens, job, release: () => { job.end() } }
  }

  #needOf ({ order, sessionKey }: PreparedOrder): JobNeed {
    const lengths = this.#lengths[order.tier]
    return {
      ...order,
      answerTokens: { expected: lengths.expected(order.maxTokens), reserved: lengths.reserved(order.maxTokens) },
      sessionInstance: sessionKey === null ? null : this.#sessions.get(sessionKey) ?? null
    }
  }

  #candidateOf (record: WorkerRecord, { order, chain }: PreparedOrder): RecordCandidate {
    const { workerId, instanceId, state, canServe, description, load, inFlight, sentSinceLoad, elsewhere, rates, longPrefills, prefixes, limit } = record
    return {
      record,
      workerId,
      instanceId,
      state,
      canServe,
      checkpoint: description?.checkpoint.name ?? null,
      contextTokens: description?.contextTokens ?? null,
      capabilities: description?.capabilities ?? null,
      load,
      inFlight,
      sentSinceLoad,
      elsewhere,
      rates,
      longPrefills,
      maxJobs: Math.min(limit.jobs, this.#options.maxJobsPerWorker),
      matchedTokens: prefixes.matchedTokens(chain.hashes, order.promptTokens),
      expectedCachedTokens: prefixes.expectedTokens(chain.hashes, order.promptTokens)
    }
  }

  #remember (sessionKey: string | null, { instanceId }: WorkerRecord): void {
    if (sessionKey === null || instanceId === null) return
    this.#sessions.delete(sessionKey)
    this.#sessions.set(sessionKey, instanceId)
    for (const oldest of this.#sessions.keys()) {
      if (this.#sessions.size <= mostSessions) break
      this.#sessions.delete(oldest)
    }
  }
}

export interface RecordCandidate extends Candidate {
  record: WorkerRecord
  /** What the index has, before it is corrected by what the worker usually finds. */
  matchedTokens: number
}
