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
export interface JobOrder extends Omit<JobNeed, 'answerTokens' | 'homeInstance' | 'isSession' | 'waitedSeconds'> {
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
  /** Null = none was named. */
  sessionKey: string | null
  /** When it came, on the router's clock. */
  since: number
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
/** Of a prompt that was sent to a worker before, to be at home there. */
const homeShare = 0.3
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
    const chain = this.#chains.chainOf(tokenIds, { salt: cacheSalt, session })
    return { order, chain, since: this.#options.clock.now(), sessionKey: session === null ? null : `${order.tier} ${cacheSalt} ${session}` }
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
    const { worker: { record, heldTokens, expectedCachedTokens }, reason } = choice
    this.#settle(prepared, record)
    const { registry, clock } = this.#options
    const { order: { tier }, chain } = prepared
    const job = new SentJob({ record, chain, heldTokens, expectedCachedTokens, need: this.#needOf(prepared), lengths: this.#lengths[tier], registry, clock })
    return { worker: record, reason, expectedCachedTokens, job, release: () => { job.end() } }
  }

  #needOf ({ order, chain, sessionKey, since }: PreparedOrder): JobNeed {
    const lengths = this.#lengths[order.tier]
    return {
      ...order,
      answerTokens: { expected: lengths.expected(order.maxTokens), reserved: lengths.reserved(order.maxTokens) },
      homeInstance: sessionKey === null ? this.#homeOf(order, chain) : this.#sessions.get(sessionKey) ?? null,
      isSession: order.session !== undefined,
      waitedSeconds: (this.#options.clock.now() - since) / 1000
    }
  }

  #candidateOf (record: WorkerRecord, { order, chain }: PreparedOrder): RecordCandidate {
    const { workerId, instanceId, state, canServe, description, load, inFlight, sentSinceLoad, elsewhere, rates, longPrefills, prefixes, limit, breaker } = record
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
      maxJobs: breaker.state === 'half-open' ? 1 : Math.min(limit.jobs, this.#options.maxJobsPerWorker),
      heldTokens: prefixes.heldTokens(chain.hashes, order.promptTokens),
      sentBlocks: prefixes.sentBlocks,
      expectedCachedTokens: prefixes.expectedTokens(chain.hashes, order.promptTokens)
    }
  }

  /**
   * Without a session: the worker that was sent the most of this prompt, if that is a good part of it. Of several the first, and not
   * the least busy: a prefix that is on all of them is in nobody's cache for long.
   */
  #homeOf ({ tier, promptTokens }: JobOrder, { hashes }: BlockChain): string | null {
    let most = homeShare * promptTokens
    let home: string | null = null
    for (const { canServe, instanceId, prefixes } of this.#options.registry.list(tier)) {
      const tokens = canServe ? prefixes.sentTokens(hashes) : 0
      if (tokens > most) [most, home] = [tokens, instanceId]
    }
    return home
  }

  /** A session's worker is kept while it lives, even when a job has to go elsewhere. */
  #settle ({ sessionKey, order: { tier } }: PreparedOrder, { instanceId }: WorkerRecord): void {
    if (sessionKey === null || instanceId === null) return
    const home = this.#sessions.get(sessionKey)
    const isAlive = home !== undefined && this.#options.registry.list(tier).some(record => record.instanceId === home && record.canServe)
    this.#sessions.delete(sessionKey)
    this.#sessions.set(sessionKey, isAlive ? home : instanceId)
    for (const oldest of this.#sessions.keys()) {
      if (this.#sessions.size <= mostSessions) break
      this.#sessions.delete(oldest)
    }
  }
}

export interface RecordCandidate extends Candidate {
  record: WorkerRecord
  /** What the index has, before it is corrected by what the worker usually finds. */
  heldTokens: number
}
