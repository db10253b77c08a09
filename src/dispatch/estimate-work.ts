/** Load in seconds of work rather than in jobs: a prompt of 100,000 tokens and one of 100 are not the same. Pure. */
import type { LoadReport } from '../../workers/contract/event.js'
import type { LearnedRates } from './learned-rates.js'
import type { SentWork } from './worker-record.js'

export interface WorkerLoad {
  load: LoadReport | null
  /** Ours: exact, and counted when it is sent. */
  inFlight: SentWork
  sentSinceLoad: SentWork
  /** Other gateways': what is in a report and not ours, some hundred milliseconds old. */
  elsewhere: SentWork
  rates: Pick<LearnedRates, 'prefillTokensPerSecond' | 'isPrefillLearned' | 'stepSeconds' | 'isStepLearned'>
}

/** Prompt tokens that the worker has yet to compute. */
export function queuedPromptTokens ({ load, inFlight, sentSinceLoad, elsewhere }: WorkerLoad): number {
  // Of a long prompt that it is half through with, only the worker knows.
  const reported = load?.queuedTokens === null || load?.queuedTokens === undefined ? Infinity : load.queuedTokens + sentSinceLoad.promptTokens
  return Math.min(inFlight.promptTokens, reported) + elsewhere.promptTokens
}

/** Jobs on the worker, running or in its line. */
export function jobsOn ({ inFlight, elsewhere }: WorkerLoad): number {
  return inFlight.jobs + elsewhere.jobs
}

/** Tokens of KV memory that nobody has or will have need of; null when the worker does not tell. */
export function freeKvTokens ({ load, inFlight, elsewhere }: WorkerLoad): number | null {
  const capacity = load?.kvCapacityTokens ?? null
  return capacity === null ? null : capacity - inFlight.reservedTokens - elsewhere.reservedTokens
}

export interface WorkToDo {
  promptTokens: number
  /** Of the answer that is expected. */
  answerTokens: number
  /** Prompt tokens whose state the worker probably holds. */
  cachedTokens: number
}

export interface WorkEstimate {
  /** Until the worker would begin with this job's prompt. */
  queueSeconds: number
  /** The prompt, less what is cached. */
  prefillSeconds: number
  /** The answer, in a batch that has one job more. */
  decodeSeconds: number
}

export function estimateWork (worker: WorkerLoad, { promptTokens, answerTokens, cachedTokens }: WorkToDo): WorkEstimate {
  const { rates } = worker
  return {
    queueSeconds: queuedPromptTokens(worker) / rates.prefillTokensPerSecond,
    prefillSeconds: Math.max(0, promptTokens - cachedTokens) / rates.prefillTokensPerSecond,
    decodeSeconds: answerTokens * rates.stepSeconds(jobsOn(worker) + 1)
  }
}
