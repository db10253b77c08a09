/** The last gate before work: what the answer may use is reserved, or the request is refused. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Tier } from '../../../workers/contract/job.js'
import { anonymousAccount, type Account } from '../../accounts/keys.js'
import type { GatewayDependencies } from '../gateway-dependencies.js'
import { rateHeaders } from './answer-headers.js'
import { Bill } from './bill.js'
import type { ChoicePlan } from './merge-choices.js'

const nobody = anonymousAccount()

export function accountOf (request: FastifyRequest): Account {
  return request.caller?.account ?? nobody
}

export interface AdmitInputs {
  httpRequest: FastifyRequest
  reply: FastifyReply
  tier: Tier
  reason: string
  /** A cascade's other tier. */
  firstTier?: Tier
  choices: readonly ChoicePlan[]
  checkpoint: string
  /** What this conversation left in the tier's prefix cache. */
  cachedTokensEstimate: number
  maxNanoUsd: number | null
  isStream: boolean
  signal: AbortSignal
}

/** @throws LimitError; GatewayError tier_not_allowed, cost_ceiling_exceeded, request_exceeds_limit, accounts_unavailable */
export async function admitAnswer (inputs: AdmitInputs, { accounts }: Pick<GatewayDependencies, 'accounts'>): Promise<Bill> {
  const { httpRequest, reply, choices, maxNanoUsd, firstTier, signal } = inputs
  const promptTokens = promptTokensOf(choices)
  const admission = await accounts.admit({
    account: accountOf(httpRequest),
    requestId: httpRequest.id,
    tier: inputs.tier,
    reason: inputs.reason,
    ...(firstTier === undefined ? {} : { firstTier }),
    promptTokens,
    maxOutputTokens: choices.reduce((sum, { plan }) => sum + plan.job.sampling.maxTokens, 0),
    cachedTokensEstimate: Math.min(inputs.cachedTokensEstimate, promptTokens),
    ...(maxNanoUsd === null ? {} : { maxNanoUsd })
  })
  reply.headers(rateHeaders(httpRequest, admission.rates))
  const bill = new Bill({ accounts, admission, promptTokens, checkpoint: inputs.checkpoint, isStream: inputs.isStream, charged: nanoUsd => { httpRequest.observation.charged(nanoUsd) } })
  if (signal.aborted) {
    await bill.end(signal.reason)
    signal.throwIfAborted()
  }
  reply.raw.once('close', () => { bill.closed().catch((error: unknown) => { httpRequest.log.error({ err: error }, 'an answer nobody asked for could not be released') }) })
  return bill
}

/** Alternatives to one prompt read it once. */
export function promptTokensOf (choices: readonly ChoicePlan[]): number {
  return choices.reduce((sum, { plan, countsPrompt }) => countsPrompt ? sum + plan.job.tokenIds.length : sum, 0)
}
