/** The latest requests, each with every step, its time and its reason. In memory and bounded: for looking, not for books. */
import type { Tier } from '../../workers/contract/job.js'
import type { AnswerFinish, AnswerUsage } from '../dialects/answer.js'
import type { FaultNote } from '../dispatch/job-observer.js'

export type StepName = 'receive' | 'dialect' | 'policy' | 'tokenise' | 'queue' | 'attempt' | 'answer'
export type StepDetails = Readonly<Record<string, string | number | boolean | null>>

export interface DecisionStep {
  name: StepName
  /** Milliseconds since the request came. */
  atMs: number
  /** Null while it goes on. */
  durationMs: number | null
  details: StepDetails
  /** Of an attempt that failed. */
  fault: FaultNote | null
}

/** running, and how it ended: completed; refused (the request's fault); abandoned (the client left); failed (ours). */
export type Outcome = 'running' | 'completed' | 'refused' | 'abandoned' | 'failed'

export interface Decision {
  /** The request id, as the client got it; a client may use one twice, so look-ups find the latest. */
  requestId: string
  jobId: string | null
  traceId: string | null
  /** ISO 8601. */
  receivedAt: string
  path: string
  keyId: string | null
  tier: Tier | null
  tierReason: string | null
  effort: string | null
  effortReason: string | null
  checkpoint: string | null
  isStream: boolean | null
  workerId: string | null
  attempts: number
  outcome: Outcome
  error: { code: string, message: string } | null
  status: number | null
  finish: AnswerFinish | null
  usage: AnswerUsage | null
  costNanoUsd: number | null
  queueMs: number | null
  firstTokenMs: number | null
  durationMs: number | null
  steps: DecisionStep[]
  /** Null unless the operator switched the recording of content on. */
  content: { input: string, output: string } | null
}

/** Null without a value to take it from. */
export interface Percentiles {
  p50: number | null
  p95: number | null
}

export interface DecisionSummary {
  kept: number
  since: string | null
  outcomes: Record<Outcome, number>
  firstTokenMs: Percentiles
  durationMs: Percentiles
}

export class DecisionLog {
  readonly #limit: number
  #entries: Decision[] = []

  /** @param limit entries kept; the oldest goes first */
  constructor (limit: number) {
    this.#limit = limit
  }

  add (entry: Decision): void {
    this.#entries.push(entry)
    // Trimmed in slices, so that adding stays cheap.
    if (this.#entries.length >= this.#limit * 2) this.#entries = this.#entries.slice(-this.#limit)
  }

  /** Newest first. */
  list (filter: { limit: number, outcome?: Outcome | undefined, tier?: Tier | undefined }): Decision[] {
    const kept = this.#kept().reverse()
    const matching = kept.filter(({ outcome, tier }) => (filter.outcome ?? outcome) === outcome && (filter.tier ?? tier) === tier)
    return matching.slice(0, filter.limit)
  }

  /** Of the kept requests: how many ended how, and what took how long, in milliseconds. */
  summary (): DecisionSummary {
    const kept = this.#kept()
    const outcomes: Record<Outcome, number> = { running: 0, completed: 0, refused: 0, abandoned: 0, failed: 0 }
    for (const { outcome } of kept) outcomes[outcome]++
    const figures = (of: (entry: Decision) => number | null): number[] => kept.map(of).filter(value => value !== null).sort((one, other) => one - other)
    return {
      kept: kept.length,
      since: kept[0]?.receivedAt ?? null,
      outcomes,
      firstTokenMs: percentiles(figures(({ firstTokenMs }) => firstTokenMs)),
      durationMs: percentiles(figures(({ durationMs, outcome }) => outcome === 'completed' ? durationMs : null))
    }
  }

  /** By request id or job id. */
  find (id: string): Decision | null {
    return this.#kept().findLast(({ requestId, jobId }) => requestId === id || jobId === id) ?? null
  }

  #kept (): Decision[] {
    return this.#limit === 0 ? [] : this.#entries.slice(-this.#limit)
  }
}

function percentiles (sorted: readonly number[]): Percentiles {
  const at = (share: number): number | null => sorted[Math.ceil(sorted.length * share) - 1] ?? null
  return { p50: at(0.5), p95: at(0.95) }
}
