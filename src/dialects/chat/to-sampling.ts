import { GatewayError } from '../../errors.js'
import type { RequestedSampling } from '../requested-sampling.js'
import type { ChatRequestBody } from './request-schema.js'

const penaltyLimit = 2

/** @throws GatewayError invalid_value when alternatives are asked for without log-probabilities */
export function toSampling (body: ChatRequestBody): RequestedSampling {
  if (typeof body.top_logprobs === 'number' && body.logprobs !== true) {
    throw new GatewayError('invalid_value', 'top_logprobs needs logprobs to be true', { parameter: 'top_logprobs' })
  }
  return {
    maxTokens: smallest(body.max_tokens, body.max_completion_tokens),
    minTokens: body.min_tokens ?? null,
    temperature: body.temperature ?? null,
    topP: body.top_p ?? null,
    topK: typeof body.top_k === 'number' && body.top_k > 0 ? body.top_k : null,
    minP: body.min_p ?? null,
    seed: body.seed ?? null,
    presencePenalty: penalty(body.presence_penalty),
    frequencyPenalty: penalty(body.frequency_penalty),
    repetitionPenalty: body.repetition_penalty ?? null,
    logitBias: body.logit_bias ?? null,
    stopTokenIds: body.stop_token_ids ?? [],
    logprobs: body.logprobs === true ? body.top_logprobs ?? 0 : null
  }
}

/** DeepSeek takes any penalty without complaint; outside OpenAI's range one would only make noise. */
function penalty (value: number | null | undefined): number | null {
  return value === null || value === undefined ? null : Math.max(-penaltyLimit, Math.min(penaltyLimit, value))
}

function smallest (first: number | null | undefined, second: number | null | undefined): number | null {
  if (typeof first === 'number' && typeof second === 'number') return Math.min(first, second)
  return first ?? second ?? null
}
