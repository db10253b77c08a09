import { createHash } from 'node:crypto'
import type { AnswerPart } from '../../dialects/answer.js'
import type { Effort } from '../../language/conversation.js'
import type { EffortChoice } from '../../policy/choose-effort.js'
import type { TierChoice } from '../../policy/choose-tier.js'
import type { ServedCheckpoint } from '../gateway-dependencies.js'

/** What was decided, for the one who asks why. */
export function decisionHeaders ({ choice, effort, checkpoint }: { choice: TierChoice, effort: EffortChoice, checkpoint: ServedCheckpoint }): Record<string, string> {
  return {
    'x-gearbox-tier': choice.tier,
    'x-gearbox-tier-reason': choice.reason,
    'x-gearbox-effort': effort.effort satisfies Effort,
    'x-gearbox-effort-reason': effort.reason,
    'x-gearbox-checkpoint': checkpoint.name
  }
}

/** What is known once a worker has taken the job. */
export function workerHeaders (accepted: Extract<AnswerPart, { type: 'accepted' }>): Record<string, string> {
  return {
    'x-gearbox-worker': accepted.workerId,
    'x-gearbox-queue-ms': String(Math.round(accepted.queueMs)),
    ...(accepted.cachedTokens === null ? {} : { 'x-gearbox-cached-tokens': String(accepted.cachedTokens) })
  }
}

/** Names the weights: two answers with the same fingerprint came from the same checkpoint and revision. */
export function systemFingerprint ({ name, revision }: ServedCheckpoint): string {
  return `fp_${name}_${createHash('sha256').update(`${name}@${revision}`).digest('hex').slice(0, 12)}`
}
