import { createHash } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import type { RateFigures } from '../../accounts/limits.js'
import { formatUsd } from '../../accounts/money.js'
import { anthropicRateHeaders, openAiRateHeaders } from '../../accounts/rate-limit-headers.js'
import type { AcceptedPart, FinishedPart } from '../../dialects/answer.js'
import type { Effort } from '../../language/conversation.js'
import { speaksAnthropic } from '../client-dialect.js'
import type { ServedCheckpoint } from '../gateway-dependencies.js'
import type { Decision } from './decide.js'

/** What was decided, for the one who asks why. */
export function decisionHeaders ({ choice, effort, checkpoint, priority }: Decision & { checkpoint: ServedCheckpoint, priority: number | null }): Record<string, string> {
  return {
    'x-gearbox-tier': choice.tier,
    'x-gearbox-tier-reason': choice.reason,
    'x-gearbox-effort': effort.effort satisfies Effort,
    'x-gearbox-effort-reason': effort.reason,
    'x-gearbox-checkpoint': checkpoint.name,
    ...(priority === null ? {} : { 'x-gearbox-priority': String(priority) })
  }
}

/** What is known once a worker has taken the job. */
export function workerHeaders (accepted: AcceptedPart): Record<string, string> {
  return {
    'x-gearbox-worker': accepted.workerId,
    'x-gearbox-queue-ms': String(Math.round(accepted.queueMs)),
    ...(accepted.cachedTokens === null ? {} : { 'x-gearbox-cached-tokens': String(accepted.cachedTokens) })
  }
}

/** What the key was charged, USD. A stream's headers are gone by then. */
export function costHeaders ({ costNanoUsd }: FinishedPart): Record<string, string> {
  return costNanoUsd === undefined ? {} : { 'x-gearbox-cost-usd': formatUsd(costNanoUsd) }
}

/** Limits in the names that the client's SDK knows; they fall with what is reserved for this request. */
export function rateHeaders (request: FastifyRequest, rates: RateFigures): Record<string, string> {
  return speaksAnthropic(request) ? anthropicRateHeaders(rates, Date.now()) : openAiRateHeaders(rates)
}

/** Names the weights: two answers with the same fingerprint came from the same checkpoint and revision. */
export function systemFingerprint ({ name, revision }: ServedCheckpoint): string {
  return `fp_${name}_${createHash('sha256').update(`${name}@${revision}`).digest('hex').slice(0, 12)}`
}
