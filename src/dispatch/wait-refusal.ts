/** Why a job does not wait, or waits no longer, in words for the client. */
import { GatewayError } from '../errors.js'
import type { Tier } from '../../workers/contract/job.js'
import type { WaitReason } from './choose-worker.js'
import type { JobOrder } from './router.js'
import type { WorkerRegistry } from './worker-registry.js'

/** What no waiting would change; null = wait. */
export function hopelessError (order: JobOrder, reason: WaitReason, registry: Pick<WorkerRegistry, 'list'>): GatewayError | null {
  const { tier, promptTokens } = order
  if (reason === 'context') {
    const largest = Math.max(...registry.list(tier).map(({ description }) => description?.contextTokens ?? 0))
    return new GatewayError('context_length_exceeded', `This model's maximum context length is ${largest} tokens. However, your messages resulted in ${promptTokens} tokens.`)
  }
  if (reason === 'none-registered') return new GatewayError('no_worker_available', `no worker of tier ${tier} is configured`, { retryAfterMs: 10_000 })
  // A worker of another capability may still come, but nobody should wait on that.
  if (reason === 'cannot-resume') return new GatewayError('worker_stream_broken', `no worker of tier ${tier} can resume an answer`)
  return reason === 'incapable' ? new GatewayError('unsupported_parameter', `no worker of tier ${tier} can ${wishesOf(order)}`) : null
}

function wishesOf ({ constraint, wantsLogprobs, hasChat }: JobOrder): string {
  return [
    ...(constraint === undefined ? [] : [`hold an answer to ${constraint}`]),
    ...(wantsLogprobs === true ? ['give log-probabilities'] : []),
    ...(hasChat === true ? [] : ['go on from a raw text'])
  ].join(' and ')
}

export interface FullLine {
  tier: Tier
  reason: WaitReason
  /** As `waited 60000 ms, position 3 of 7`. */
  detail: string
  /** Until what waits now would be computed; null = nobody serves. */
  waitSeconds: number | null
}

/** 503 with the reason, what each worker is doing, and when asking again has a chance. */
export function lineError ({ tier, reason, detail, waitSeconds }: FullLine, registry: Pick<WorkerRegistry, 'list'>): GatewayError {
  const states = registry.list(tier).map(({ workerId, state, stateReason }) => `${workerId} is ${state}: ${stateReason}`)
  const message = `no worker of tier ${tier} is available (${reason}; ${detail}; ${states.join(', ')})`
  const estimatedMs = waitSeconds === null ? 0 : Math.min(longestRetryMs, Math.ceil(waitSeconds) * 1000)
  return new GatewayError('no_worker_available', message, { retryAfterMs: Math.max(retryAfterMs[reason], estimatedMs) })
}

const longestRetryMs = 60_000

const retryAfterMs: Record<WaitReason, number> = {
  busy: 1000,
  'long-prompts': 5000,
  memory: 2000,
  starting: 5000,
  unreachable: 5000,
  draining: 5000,
  quarantined: 30_000,
  'other-checkpoint': 30_000,
  'cannot-resume': 30_000,
  incapable: 30_000,
  'none-registered': 30_000,
  context: 30_000
}
