/**
 * Which worker gets a job: a pure decision over what is known now. It reads no clock and changes nothing.
 *
 *   1. leave out what cannot serve this job (state, checkpoint, context, resume, a full house)
 *   2. healthy before degraded, untried before tried
 *   3. the least estimated seconds of work, by power of two: the better of two picked at random, so that several
 *      gateways with the same stale view do not all run to the same worker
 */
import type { LoadReport } from '../../workers/contract/event.js'
import type { SentWork, WorkerState } from './worker-record.js'

export interface Candidate {
  workerId: string
  instanceId: string | null
  state: WorkerState
  canServe: boolean
  checkpoint: string | null
  contextTokens: number | null
  canResume: boolean
  load: LoadReport | null
  inFlight: SentWork
  sentSinceLoad: SentWork
  /** Prompt tokens whose state this worker probably still holds. */
  expectedCachedTokens: number
}

export interface JobNeed {
  checkpoint: string
  promptTokens: number
  maxTokens: number
  isResume: boolean
  /** Instances that failed this job. */
  tried: ReadonlySet<string>
}

export type ChoiceReason = 'only-worker' | 'least-work' | 'already-tried' | 'degraded'
export type WaitReason = 'starting' | 'unreachable' | 'draining' | 'quarantined' | 'busy' | 'other-checkpoint' | 'cannot-resume' | 'none-registered' | 'context'

export type Choice<C extends Candidate> =
  | { kind: 'chosen', worker: C, reason: ChoiceReason, workSeconds: number }
  /** Somebody may be able to later. `context` and `none-registered` do not change by waiting. */
  | { kind: 'none', reason: WaitReason }

export interface ChooseOptions {
  /** Jobs of ours on one worker at a time. */
  maxJobsPerWorker: number
  /** In [0, 1). */
  random: () => number
}

/** Rough rates until each worker's own are learned; only their ratio matters to a comparison. */
const prefillTokensPerSecond = 1000
const decodeTokensPerSecond = 20
/** Answers are mostly far shorter than the client's limit. */
const expectedAnswerTokens = 512

export function chooseWorker<C extends Candidate> (candidates: readonly C[], need: JobNeed, options: ChooseOptions): Choice<C> {
  if (candidates.length === 0) return { kind: 'none', reason: 'none-registered' }
  const fits = candidates.filter(candidate => refusalOf(candidate, need, options) === null)
  if (fits.length === 0) return { kind: 'none', reason: weakestRefusal(candidates, need, options) }

  const [best, reason] = preferred(fits, need)
  const [first, second] = pickTwo(best, options.random)
  const firstWork = workSeconds(first, need)
  const secondWork = second === null ? Infinity : workSeconds(second, need)
  const isSecond = second !== null && secondWork < firstWork
  return { kind: 'chosen', worker: isSecond ? second : first, reason, workSeconds: Math.min(firstWork, secondWork) }
}

/** Why this one cannot take the job now; null when it can. */
function refusalOf (candidate: Candidate, need: JobNeed, { maxJobsPerWorker }: ChooseOptions): WaitReason | null {
  if (!candidate.canServe) return reasonByState[candidate.state]
  if (candidate.checkpoint !== need.checkpoint) return 'other-checkpoint'
  if (candidate.contextTokens !== null && need.promptTokens >= candidate.contextTokens) return 'context'
  if (need.isResume && !candidate.canResume) return 'cannot-resume'
  return candidate.inFlight.jobs >= maxJobsPerWorker ? 'busy' : null
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
const byHope: WaitReason[] = ['busy', 'starting', 'unreachable', 'draining', 'quarantined', 'other-checkpoint', 'cannot-resume', 'context']

function weakestRefusal (candidates: readonly Candidate[], need: JobNeed, options: ChooseOptions): WaitReason {
  const reasons = new Set(candidates.map(candidate => refusalOf(candidate, need, options)))
  return byHope.find(reason => reasons.has(reason)) ?? 'unreachable'
}

function preferred<C extends Candidate> (fits: readonly C[], { tried }: JobNeed): [C[], ChoiceReason] {
  const isFresh = (candidate: C): boolean => candidate.instanceId === null || !tried.has(candidate.instanceId)
  const isHealthy = (candidate: C): boolean => candidate.state === 'serving'
  const healthy = fits.filter(candidate => isFresh(candidate) && isHealthy(candidate))
  if (healthy.length > 0) return [healthy, fits.length === 1 ? 'only-worker' : 'least-work']
  const fresh = fits.filter(isFresh)
  return fresh.length > 0 ? [fresh, 'degraded'] : [[...fits], 'already-tried']
}

function pickTwo<C> (candidates: readonly C[], random: () => number): [C, C | null] {
  const one = Math.floor(random() * candidates.length)
  const other = (one + 1 + Math.floor(random() * (candidates.length - 1))) % candidates.length
  const [first, second] = [candidates[one], candidates[other]]
  if (first === undefined || second === undefined) throw new RangeError('random() must be in [0, 1) and candidates not empty')
  return [first, one === other ? null : second]
}

/** Seconds until this job would be done there: what is queued before it, its own uncached prompt, and answers sharing the batch. */
export function workSeconds (candidate: Candidate, need: JobNeed): number {
  const { load, inFlight, sentSinceLoad } = candidate
  // A report counts every gateway's jobs but is some hundred milliseconds old; ours are exact but only ours.
  const reportedJobs = load?.running === null || load?.running === undefined ? null : load.running + (load.waiting ?? 0)
  const jobs = Math.max(inFlight.jobs, (reportedJobs ?? 0) + sentSinceLoad.jobs)
  const queuedTokens = load?.queuedTokens === null || load?.queuedTokens === undefined
    ? inFlight.promptTokens
    : load.queuedTokens + sentSinceLoad.promptTokens
  const uncached = Math.max(0, need.promptTokens - candidate.expectedCachedTokens)
  const answer = Math.min(need.maxTokens, expectedAnswerTokens)
  return (queuedTokens + uncached) / prefillTokensPerSecond + (jobs + 1) * answer / decodeTokensPerSecond
}
