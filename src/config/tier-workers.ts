/** Which of a tier's workers are started here, and which are only spoken to. They are numbered as they are listed. */
import type { Tier } from '../../workers/contract/job.js'
import type { EmbeddedWorkerPlan } from '../dispatch/embedded-worker.js'
import type { CheckpointCard } from './checkpoint-card.js'
import { ConfigError } from './config-error.js'
import { engineWorkerFlags } from './engine-worker-flags.js'
import type { TierConfig } from './tier-schema.js'

/** @throws ConfigError when our own engine would have to serve a checkpoint that has no weights here */
export function embeddedPlans (tier: Tier, { checkpoint, ranks, workers }: TierConfig, card: CheckpointCard, vocabularySize: number): EmbeddedWorkerPlan[] {
  if (workers.length === 0) {
    if (typeof checkpoint !== 'string') throw new ConfigError(`tiers.${tier}: ${checkpoint.name} has no weights here, so tiers.${tier}.workers must name who serves it`)
    return [{ workerId: `${tier}-0`, tier, engine: { engine: 'v4', checkpointDirectory: checkpoint, ranks } }]
  }
  return workers.flatMap((worker, position) => typeof worker === 'string'
    ? []
    : [{ workerId: `${tier}-${position}`, tier, engine: { engine: worker.engine, flags: engineWorkerFlags(worker, card, vocabularySize) } }])
}

/** What our own engine, where it alone serves the tier, can hold an answer to. Of other workers nothing is known when the gateway starts. */
export function servedConstraints ({ workers }: TierConfig): Array<'json' | 'schema' | 'regex' | 'structural-tag'> {
  return workers.length === 0 ? ['json', 'schema', 'regex', 'structural-tag'] : []
}

export function remoteWorkers (tier: Tier, { workers }: TierConfig): Array<{ workerId: string, address: string }> {
  return workers.flatMap((worker, position) => typeof worker === 'string' ? [{ workerId: `${tier}-${position}`, address: worker }] : [])
}
