import { GatewayError } from '../../errors.js'
import type { RequestedSampling } from '../requested-sampling.js'
import { samplingOf } from '../sampling-fields.js'
import type { ChatRequestBody } from './request-schema.js'

/** @throws GatewayError invalid_value when alternatives are asked for without log-probabilities */
export function toSampling (body: ChatRequestBody): RequestedSampling {
  if (typeof body.top_logprobs === 'number' && body.logprobs !== true) {
    throw new GatewayError('invalid_value', 'top_logprobs needs logprobs to be true', { parameter: 'top_logprobs' })
  }
  return samplingOf(body, {
    maxTokens: smallest(body.max_tokens, body.max_completion_tokens),
    logprobs: body.logprobs === true ? body.top_logprobs ?? 0 : null
  })
}

function smallest (first: number | null | undefined, second: number | null | undefined): number | null {
  if (typeof first === 'number' && typeof second === 'number') return Math.min(first, second)
  return first ?? second ?? null
}
