/** Which of a tier's workers are started here, and which are only spoken to. They are numbered as they are listed. */
import type { WorkerDescription } from '../../workers/contract/description.js'
import type { Tier } from '../../workers/contract/job.js'
import type { EmbeddedWorkerPlan } from '../dispatch/embedded-worker.js'
import type { CheckpointCard } from './checkpoint-card.js'
import { ConfigError } from './config-error.js'
import { engineWorkerFlags } from './engine-worker-flags.js'
import type { TierConfig } from './tier-schema.js'

/** @throws ConfigError when our own engine would have to serve a checkpoint that has no weights here */
export function embeddedPlans (tier: Tier, { checkpoint, ranks: tierRanks, workers }: TierConfig, card: CheckpointCard, vocabularySize: number): EmbeddedWorkerPlan[] {
  const listed: TierConfig['workers'] = workers.length === 0 ? [{ engine: 'v4' }] : workers
  return listed.flatMap((worker, position): EmbeddedWorkerPlan[] => {
    const workerId = `${tier}-${position}`
    if (typeof worker === 'string') return []
    if (worker.engine !== 'v4') return [{ workerId, tier, engine: { engine: worker.engine, flags: engineWorkerFlags(worker, card, vocabularySize) } }]
    if (typeof checkpoint !== 'string') throw new ConfigError(`tiers.${tier}: ${checkpoint.name} has no weights here, so tiers.${tier}.workers must name who serves it`)
    return [{ workerId, tier, engine: { engine: 'v4', checkpointDirectory: checkpoint, ranks: worker.ranks ?? tierRanks } }]
  })
}

type ConstraintKind = WorkerDescription['capabilities']['constraints'][number]

/**
 * What some worker of a tier holds an answer to: what those say that have described themselves. Until one has, the usual is
 * expected, so that a request waits for a worker instead of being refused for what nobody knows.
 */
export function servedConstraints (descriptions: ReadonlyArray<WorkerDescription | null>): ConstraintKind[] {
  const known = descriptions.filter(description => description !== null)
  return known.length === 0 ? ['json', 'schema', 'regex', 'structural-tag'] : [...new Set(known.flatMap(({ capabilities }) => capabilities.constraints))]
}

export function remoteWorkers (tier: Tier, { workers }: TierConfig): Array<{ workerId: string, address: string }> {
  return workers.flatMap((worker, position) => typeof worker === 'string' ? [{ workerId: `${tier}-${position}`, address: worker }] : [])
}
