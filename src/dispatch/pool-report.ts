/** The pools as an operator and an autoscaler see them: plain data, computed when somebody asks. */
import type { LoadReport } from '../../workers/contract/event.js'
import type { Tier } from '../../workers/contract/job.js'
import type { PastFault, SentWork, TokenRates, WorkerRecord, WorkerState } from './worker-record.js'
import type { WorkerRegistry } from './worker-registry.js'

export interface WorkerReport {
  workerId: string
  tier: Tier
  address: string
  state: WorkerState
  stateReason: string
  canServe: boolean
  instanceId: string | null
  engine: string | null
  checkpoint: { name: string, revision: string, trained: boolean } | null
  contextTokens: number | null
  ranks: number | null
  load: LoadReport | null
  tokensPerSecond: TokenRates | null
  /** Learned from its jobs. */
  learned: { prefillTokensPerSecond: number | null, stepSeconds: number, cacheTrust: number, cachedBlocks: number }
  /** Jobs of this gateway that it gets at a time. */
  maxJobs: number
  inFlight: SentWork
  pastFaults: PastFault[]
}

export interface PoolReport {
  tier: Tier
  workers: number
  servingWorkers: number
  /** Jobs that wait here for a worker. */
  waiting: number
  /** Prompt tokens not yet computed: waiting here, and in the workers' own lines. */
  queuedTokens: number
  /** Jobs of this gateway on workers. */
  running: number
  /** 0 idle … 1 full: the share of KV memory or of job slots in use, the larger; 1 when nobody serves. */
  saturation: number
  /** Until a new job's own prompt would be computed; null when nobody serves. */
  estimatedWaitSeconds: number | null
  /** Share of KV memory in use over workers that tell; null when none does. */
  kvUsedShare: number | null
}

/** What the reports are made from; HttpDispatcher and WorkerRegistry together. */
export interface PoolSource {
  registry: Pick<WorkerRegistry, 'list'>
  line: { waiting (tier: Tier): number, waitingTokens (tier: Tier): number }
}

export function reportWorkers ({ registry }: Pick<PoolSource, 'registry'>): WorkerReport[] {
  return registry.list().map(reportWorker)
}

function reportWorker (record: WorkerRecord): WorkerReport {
  const { workerId, tier, client, state, stateReason, canServe, instanceId, description, load, tokenRates, inFlight, pastFaults, rates, prefixes, limit } = record
  const checkpoint = description === null ? null : { name: description.checkpoint.name, revision: description.checkpoint.revision, trained: description.checkpoint.trained }
  return {
    workerId,
    tier,
    address: client.address,
    state,
    stateReason,
    canServe,
    instanceId,
    engine: description?.engine ?? null,
    checkpoint,
    contextTokens: description?.contextTokens ?? null,
    ranks: description?.ranks ?? null,
    load,
    tokensPerSecond: tokenRates,
    learned: {
      prefillTokensPerSecond: rates.isPrefillLearned ? rates.prefillTokensPerSecond : null,
      stepSeconds: rates.stepSeconds(Math.max(1, inFlight.jobs)),
      cacheTrust: prefixes.trust,
      cachedBlocks: prefixes.size
    },
    maxJobs: limit.jobs,
    inFlight: { ...inFlight },
    pastFaults: [...pastFaults]
  }
}

export function reportPool (tier: Tier, { registry, line }: PoolSource): PoolReport {
  const records = registry.list(tier)
  const serving = records.filter(record => record.canServe)
  const queuedAtWorkers = sum(serving, record => record.load?.queuedTokens ?? record.sentSinceLoad.promptTokens)
  const queuedTokens = queuedAtWorkers + line.waitingTokens(tier)
  const running = sum(records, record => record.inFlight.jobs)
  const kvUsedShare = kvShareOf(serving)
  const slotShare = serving.length === 0 ? 1 : running / sum(serving, ({ limit }) => limit.jobs)
  return {
    tier,
    workers: records.length,
    servingWorkers: serving.length,
    waiting: line.waiting(tier),
    queuedTokens,
    running,
    saturation: serving.length === 0 ? 1 : Math.min(1, Math.max(kvUsedShare ?? 0, slotShare)),
    estimatedWaitSeconds: serving.length === 0 ? null : queuedTokens / sum(serving, ({ rates }) => rates.prefillTokensPerSecond),
    kvUsedShare
  }
}

function kvShareOf (records: WorkerRecord[]): number | null {
  const known = records.flatMap(({ load }) => load?.kvUsedTokens === null || load?.kvUsedTokens === undefined || load.kvCapacityTokens === null || load.kvCapacityTokens === 0
    ? []
    : [{ used: load.kvUsedTokens, capacity: load.kvCapacityTokens }])
  return known.length === 0 ? null : sum(known, ({ used }) => used) / sum(known, ({ capacity }) => capacity)
}

function sum<T> (items: readonly T[], figure: (item: T) => number): number {
  return items.reduce((total, item) => total + figure(item), 0)
}
