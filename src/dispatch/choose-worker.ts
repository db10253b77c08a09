/**
 * Which worker gets a job: a pure decision over what is known now. It reads no clock and changes nothing.
 *
 *   1. leave out what cannot serve this job (state, checkpoint, context, abilities, a full house)
 *   2. healthy before degraded, untried before tried, workers that take token ids before those that only speak chat: these render
 *      and count for themselves, and are the overflow where both serve a tier
 *   3. the worker where the session or the conversation is at home, unless it is far busier than the others
 *   4. the least estimated seconds of work. A prefix that a worker holds is work saved, and weighs more than once: computed
 *      elsewhere, it would also push something out of the cache there
 *   5. of those that cannot be told apart, the better of two picked at random, so that several gateways with the same
 *      stale view do not all run to the same worker
 */
import type { WorkerDescription } from '../../workers/contract/description.js'
import type { Constraint } from '../../workers/contract/job.js'
import { estimateWork, freeKvTokens, type WorkerLoad } from './estimate-work.js'
import { lengthClassOf } from './length-class.js'
import { poolRates } from './pool-rates.js'
import type { WorkerRecord, WorkerState } from './worker-record.js'

export interface Candidate extends WorkerLoad, Pick<WorkerRecord, 'longPrefills'> {
  workerId: string
  instanceId: string | null
  state: WorkerState
  canServe: boolean
  checkpoint: string | null
  contextTokens: number | null
  /** Null until the worker has described itself. */
  capabilities: WorkerDescription['capabilities'] | null
  /** Jobs of ours that it gets at a time. */
  maxJobs: number
  /** Prompt tokens whose state this worker probably still holds. */
  expectedCachedTokens: number
  /** Of prompts, sent here lately. */
  sentBlocks: number
}

export interface JobNeed {
  checkpoint: string
  promptTokens: number
  /** Of the answer: what is likely, and what memory is set aside for. */
  answerTokens: { expected: number, reserved: number }
  isResume: boolean
  /** Where the conversation is at home; null = it is new, or too short to have one. */
  homeInstance: string | null
  /** The caller named the session. */
  isSession: boolean
  /** In line so far. */
  waitedSeconds: number
  /** Absent = the answer is free. */
  constraint?: Constraint['kind']
  /** Absent = none are asked for. */
  wantsLogprobs?: boolean
  /** Whether the job can be said in words too; absent = only token ids. */
  hasChat?: boolean
  /** Instances that failed this job. */
  tried: ReadonlySet<string>
}

export type ChoiceReason = 'only-worker' | 'session' | 'cached-prefix' | 'least-work' | 'already-tried' | 'degraded'
export type WaitReason = 'starting' | 'unreachable' | 'draining' | 'quarantined' | 'busy' | 'memory' | 'long-prompts' | 'other-checkpoint' | 'cannot-resume' | 'incapable' | 'none-registered' | 'context'

export type Choice<C extends Candidate> =
  | { kind: 'chosen', worker: C, reason: ChoiceReason, workSeconds: number }
  /** Somebody may be able to later. `context` and `none-registered` do not change by waiting. */
  | { kind: 'none', reason: WaitReason }

export interface ChooseOptions {
  /** In [0, 1). */
  random: () => number
  /** Estimates closer than this are the same; more where other gateways' work is only guessed. */
  tieSeconds?: number
}

/** Cached tokens count this often: once for the work saved now, the rest for the cache that is not spoilt elsewhere. */
const cacheWorth = 6
/** A home may be so much busier than the best worker before a job goes elsewhere, in seconds and as a share of the best. */
const homePatienceSeconds = 5
const homePatienceShare = 0.1
/** A prompt that is at home nowhere goes where the least was sent, of workers that are busier than the best by no more than this: caches fill evenly. */
const roomSeconds = 1
/** Estimates that differ by less than this share are the same. */
const tieShare = 0.05
/** Full KV memory slows a worker down before it refuses: seconds at use k are share × k / (1 − k). */
const memoryPressureSeconds = 0.15
/** Share of the workers, and at least one, that may compute long prompts at the same time: the others are for short ones. */
const longPromptShare = 0.5

export function chooseWorker<C extends Candidate> (candidates: readonly C[], need: JobNeed, options: ChooseOptions): Choice<C> {
  const rates = new Map(poolRates(candidates).map((each, index) => [candidates[index], each]))
  const secondsOf = (worker: C): number => workSeconds({ ...worker, rates: rates.get(worker) ?? worker.rates }, need)
  if (candidates.length === 0) return { kind: 'none', reason: 'none-registered' }
  const canTakeLong = longPromptRoom(candidates)
  const fits = candidates.filter(candidate => refusalOf(candidate, need, canTakeLong) === null)
  if (fits.length === 0) return { kind: 'none', reason: weakestRefusal(candidates, need, canTakeLong) }

  const [best, reason] = preferred(fits, need)
  const rated = best.map(worker => ({ worker, seconds: secondsOf(worker) })).sort((one, other) => one.seconds - other.seconds)
  const least = rated[0]?.seconds ?? 0
  const isWorthwhile = (seconds: number): boolean => seconds <= Math.max(0, least) * (1 + homePatienceShare) + homePatienceSeconds
  const fullHome = candidates.find(candidate => isHome(candidate, need) && candidate.canServe && !fits.includes(candidate) && !isTried(candidate, need))
  const wait = fullHome !== undefined && isWorthwhile(secondsOf(fullHome)) ? waitAtHome(fullHome, need, canTakeLong) : null
  if (wait !== null) return { kind: 'none', reason: wait }
  const home = rated.find(({ worker, seconds }) => isHome(worker, need) && isWorthwhile(seconds))
  const { tieSeconds = 0.02 } = options
  const { worker, seconds } = home ?? (need.homeInstance === null ? roomiest(rated.filter(({ seconds }) => seconds <= least + roomSeconds)) : null) ??
    pickOne(rated.filter(({ seconds }) => seconds <= least + Math.max(tieSeconds, tieShare * least)), options.random)
  return { kind: 'chosen', worker, reason: reason === 'least-work' ? preciseReason(worker, best, home !== undefined && need.isSession) : reason, workSeconds: seconds }
}

/** A home without room now: to go elsewhere at once would spoil the cache there, and leave the job's own unused. */
function waitAtHome (home: Candidate, need: JobNeed, canTakeLong: LongPromptRoom): WaitReason | null {
  const refusal = refusalOf(home, need, canTakeLong)
  return (refusal === 'busy' || refusal === 'memory') && need.waitedSeconds < homePatienceSeconds ? refusal : null
}

function isHome ({ instanceId }: Candidate, { homeInstance }: JobNeed): boolean {
  return instanceId !== null && instanceId === homeInstance
}

function isTried ({ instanceId }: Candidate, { tried }: JobNeed): boolean {
  return instanceId !== null && tried.has(instanceId)
}

function preciseReason (worker: Candidate, best: readonly Candidate[], isOfSession: boolean): ChoiceReason {
  if (isOfSession) return 'session'
  return best.some(other => other.expectedCachedTokens < worker.expectedCachedTokens) ? 'cached-prefix' : 'least-work'
}

/** Why this one cannot take the job now; null when it can. */
function refusalOf (candidate: Candidate, need: JobNeed, canTakeLong: LongPromptRoom): WaitReason | null {
  if (!candidate.canServe) return reasonByState[candidate.state]
  if (candidate.checkpoint !== need.checkpoint) return 'other-checkpoint'
  if (candidate.contextTokens !== null && need.promptTokens >= candidate.contextTokens) return 'context'
  const lacking = lackOf(candidate.capabilities, need)
  if (lacking !== null) return lacking
  if (candidate.inFlight.jobs >= candidate.maxJobs) return 'busy'
  if (!canTakeLong(candidate, need)) return 'long-prompts'
  return hasMemory(candidate, need) ? null : 'memory'
}

/** A worker whose memory is full and whose line grows has enough; before that its own line is the place to wait, where the prefix is. */
function hasMemory (candidate: Candidate, need: JobNeed): boolean {
  const { load } = candidate
  if (load === null || load.kvCapacityTokens === null || load.kvUsedTokens === null || (load.waiting ?? 0) === 0) return true
  return load.kvUsedTokens + candidate.sentSinceLoad.reservedTokens + plannedTokens(candidate, need) <= load.kvCapacityTokens
}

/** To be computed and kept there for this job, in whole pages of 256 tokens. */
export function plannedTokens ({ expectedCachedTokens }: Pick<Candidate, 'expectedCachedTokens'>, { promptTokens, answerTokens }: Pick<JobNeed, 'promptTokens' | 'answerTokens'>): number {
  return Math.ceil((Math.max(0, promptTokens - expectedCachedTokens) + answerTokens.reserved) / pageTokens) * pageTokens
}

const pageTokens = 256

type LongPromptRoom = (candidate: Candidate, need: JobNeed) => boolean

/**
 * Long is what there is to compute, not what is cached. Scratch memory grows with chunk × context, so that only one XL prompt
 * is computed on a worker at a time.
 */
function longPromptRoom (candidates: readonly Candidate[]): LongPromptRoom {
  const serving = candidates.filter(({ canServe }) => canServe)
  const isAtOne = ({ longPrefills }: Candidate): boolean => longPrefills.L + longPrefills.XL > 0
  const most = Math.max(1, Math.floor(serving.length * longPromptShare))
  const atLong = serving.filter(isAtOne).length
  return (candidate, need) => {
    const size = lengthClassOf(plannedTokens(candidate, need))
    if (size === 'S') return true
    return isAtOne(candidate) ? size === 'L' && candidate.longPrefills.XL === 0 : atLong < most
  }
}

/** A worker that has not described itself yet may turn out to be able to. */
function lackOf (can: Candidate['capabilities'], need: JobNeed): WaitReason | null {
  if (can === null) return null
  const canConstrain = need.constraint === undefined || can.constraints.includes(need.constraint)
  if (!canConstrain || (need.wantsLogprobs === true && !can.logprobs) || (!can.tokenIds && need.hasChat !== true)) return 'incapable'
  const canResume = can.resume && (need.constraint === undefined || can.constrainedResume === true)
  return need.isResume && !canResume ? 'cannot-resume' : null
}

const reasonByState: Record<WorkerState, WaitReason> = {
  registered: 'unreachable',
  starting: 'starting',
  warming: 'starting',
  // Able by state, yet not serving: under suspicion until a probe has been answered.
  serving: 'unreachable',
  degraded: 'unreachable',
  draining: 'draining',
  gone: 'unreachable',
  quarantined: 'quarantined'
}

/** The refusal closest to a yes, which is also the one worth telling. */
const byHope: WaitReason[] = ['busy', 'long-prompts', 'memory', 'starting', 'unreachable', 'draining', 'quarantined', 'other-checkpoint', 'cannot-resume', 'incapable', 'context']

function weakestRefusal (candidates: readonly Candidate[], need: JobNeed, canTakeLong: LongPromptRoom): WaitReason {
  const reasons = new Set(candidates.map(candidate => refusalOf(candidate, need, canTakeLong)))
  return byHope.find(reason => reasons.has(reason)) ?? 'unreachable'
}

function preferred<C extends Candidate> (fits: readonly C[], need: JobNeed): [C[], ChoiceReason] {
  const isFresh = (candidate: C): boolean => !isTried(candidate, need)
  const isHealthy = (candidate: C): boolean => candidate.state === 'serving'
  const healthy = fits.filter(candidate => isFresh(candidate) && isHealthy(candidate))
  if (healthy.length > 0) return [idsFirst(healthy), fits.length === 1 ? 'only-worker' : 'least-work']
  const fresh = fits.filter(isFresh)
  return fresh.length > 0 ? [idsFirst(fresh), 'degraded'] : [idsFirst(fits), 'already-tried']
}

function idsFirst<C extends Candidate> (candidates: readonly C[]): C[] {
  const takingIds = candidates.filter(({ capabilities }) => capabilities?.tokenIds !== false)
  return takingIds.length > 0 ? takingIds : [...candidates]
}

/** The one that was sent clearly the least; null when several were. */
function roomiest<C extends Candidate> (rated: ReadonlyArray<Rated<C>>): Rated<C> | null {
  const [first, second] = [...rated].sort((one, other) => one.worker.sentBlocks - other.worker.sentBlocks)
  if (first === undefined || second === undefined) return first ?? null
  return first.worker.sentBlocks < second.worker.sentBlocks ? first : null
}

/** Power of two choices. */
function pickOne<C extends Candidate> (rated: ReadonlyArray<Rated<C>>, random: () => number): Rated<C> {
  const one = Math.floor(random() * rated.length)
  const other = (one + 1 + Math.floor(random() * (rated.length - 1))) % rated.length
  const [first, second] = [rated[one], rated[other]]
  if (first === undefined || second === undefined) throw new RangeError('random() must be in [0, 1) and candidates not empty')
  return second.seconds < first.seconds ? second : first
}

interface Rated<C extends Candidate> {
  worker: C
  seconds: number
}

/** Seconds until this job would be done there, for comparison: what is queued before it, its own prompt, its answer in the batch. */
export function workSeconds (candidate: Candidate, { promptTokens, answerTokens }: JobNeed): number {
  const { expectedCachedTokens: cachedTokens, load } = candidate
  const { queueSeconds, prefillSeconds, decodeSeconds } = estimateWork(candidate, { promptTokens, answerTokens: answerTokens.expected, cachedTokens })
  const preference = (cacheWorth - 1) * cachedTokens / candidate.rates.prefillTokensPerSecond
  const free = freeKvTokens(candidate)
  const used = free === null || !load?.kvCapacityTokens ? 0 : Math.min(0.99, Math.max(0, 1 - free / load.kvCapacityTokens))
  return queueSeconds + prefillSeconds - preference + decodeSeconds + memoryPressureSeconds * used / (1 - used)
}
