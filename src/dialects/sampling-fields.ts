/** How to choose tokens and when to stop: what chat and completion requests say in the same words. */
import { z } from 'zod'
import type { RequestedSampling } from './requested-sampling.js'

export const maxCompletionTokens = 393_216
const maxStopStrings = 16
export const maxChoices = 8
const penaltyLimit = 2

export function tokenCap (field: string) {
  const message = `Invalid ${field} value, the valid range of ${field} is [1, ${maxCompletionTokens}]`
  return z.int().min(1, message).max(maxCompletionTokens, message).nullish()
}

const stopStringSchema = z.string().min(1, 'a stop string must not be empty')

export const samplingFields = {
  max_tokens: tokenCap('max_tokens'),
  min_tokens: z.int().min(0, 'must be 0 or more').nullish(),
  temperature: z.number().min(0, 'must be between 0 and 2').max(2, 'must be between 0 and 2').nullish(),
  top_p: z.number().gt(0, 'must be above 0 and at most 1').max(1, 'must be above 0 and at most 1').nullish(),
  /** 0 and -1 switch it off (vLLM). */
  top_k: z.int().min(-1, 'must be -1 or more').nullish(),
  min_p: z.number().min(0, 'must be between 0 and 1').max(1, 'must be between 0 and 1').nullish(),
  frequency_penalty: z.number().nullish(),
  presence_penalty: z.number().nullish(),
  repetition_penalty: z.number().gt(0, 'must be above 0').nullish(),
  logit_bias: z.record(z.string().regex(/^\d{1,7}$/, 'keys are token ids'), z.number().min(-100, 'must be between -100 and 100').max(100, 'must be between -100 and 100')).nullish(),
  seed: z.int().nullish(),
  n: z.int().min(1, `must be between 1 and ${maxChoices}`).max(maxChoices, `must be between 1 and ${maxChoices}`).nullish(),
  stop: z.union([stopStringSchema, z.array(stopStringSchema).max(maxStopStrings, `at most ${maxStopStrings} stop strings are allowed`)]).nullish(),
  stop_token_ids: z.array(z.int().min(0, 'a token id is 0 or more')).nullish()
}
type SamplingFields = { [Field in keyof typeof samplingFields]?: z.infer<typeof samplingFields[Field]> }

/** `maxTokens` and `logprobs` as the dialect has them. */
export function samplingOf (body: SamplingFields, { maxTokens, logprobs }: Pick<RequestedSampling, 'maxTokens' | 'logprobs'>): RequestedSampling {
  return {
    maxTokens,
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
    logprobs
  }
}

export function stopStringsOf ({ stop }: Pick<SamplingFields, 'stop'>): string[] {
  return typeof stop === 'string' ? [stop] : stop ?? []
}

/** DeepSeek takes any penalty without complaint; outside OpenAI's range one would only make noise. */
function penalty (value: number | null | undefined): number | null {
  return value === null || value === undefined ? null : Math.max(-penaltyLimit, Math.min(penaltyLimit, value))
}
