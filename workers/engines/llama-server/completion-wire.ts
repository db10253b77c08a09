/** llama-server's `POST /completion` with a token array (llama.cpp, tools/server; checked against build 10434). */
import { z } from 'zod'
import type { TokenLogprob } from '../../contract/event.js'
import type { Job } from '../../contract/job.js'
import { EngineFault } from '../remote/engine-fault.js'

export interface CompletionOptions {
  stream: boolean
  /** Whether the prompt may start from what the slot still holds. */
  cachePrompt: boolean
}

/** Everything that has a default of its own there (top_k 40, top_p 0.95, min_p 0.05, temperature 0.8) is said. */
export function completionRequestOf (job: Job, { stream, cachePrompt }: CompletionOptions): Record<string, unknown> {
  const { sampling } = job
  return {
    prompt: job.tokenIds,
    stream,
    return_tokens: true,
    cache_prompt: cachePrompt,
    n_predict: sampling.maxTokens,
    temperature: sampling.temperature,
    top_k: sampling.topK ?? 0,
    top_p: sampling.topP,
    min_p: sampling.minP ?? 0,
    samplers: ['penalties', 'temperature', 'top_k', 'top_p', 'min_p'],
    repeat_penalty: sampling.repetitionPenalty ?? 1,
    presence_penalty: sampling.presencePenalty ?? 0,
    frequency_penalty: sampling.frequencyPenalty ?? 0,
    // All of it; 0 would mean none, and -1 is refused.
    repeat_last_n: job.tokenIds.length + sampling.maxTokens,
    logit_bias: Object.entries(sampling.logitBias ?? {}).map(([id, bias]) => [Number(id), bias]),
    ...(sampling.seed === undefined ? {} : { seed: sampling.seed >>> 0 }),
    // At least one, or no probability is reported at all.
    ...(sampling.logprobs === undefined ? {} : { n_probs: Math.max(1, sampling.logprobs), post_sampling_probs: false }),
    ...grammarOf(job)
  }
}

function grammarOf ({ constraint, constraintAfterTokenId }: Job): Record<string, unknown> {
  if (constraint === undefined) return {}
  if (constraintAfterTokenId !== undefined) {
    throw new EngineFault('unsupported-constraint', 'llama-server cannot hold a JSON grammar back until reasoning has ended', { blame: 'request', isRetryable: false })
  }
  return { json_schema: constraint.kind === 'schema' ? constraint.schema : { type: 'object' } }
}

const alternativeSchema = z.object({ id: z.int(), logprob: z.number().nullable() })

export const completionSchema = z.object({
  content: z.string(),
  tokens: z.array(z.int().min(0)),
  stop: z.boolean(),
  /** Tokens generated so far, sent or not. */
  tokens_predicted: z.int(),
  completion_probabilities: z.array(alternativeSchema.extend({ top_logprobs: z.array(alternativeSchema).default([]) })).optional(),
  /** eos, limit, word or none; on the last message. */
  stop_type: z.string().optional(),
  timings: z.object({ cache_n: z.int().nullish() }).nullish()
})
export type Completion = z.infer<typeof completionSchema>

export function logprobsOf ({ completion_probabilities: probabilities }: Completion, alternatives: number | undefined): TokenLogprob[] | undefined {
  if (alternatives === undefined) return undefined
  return probabilities?.map(({ logprob, top_logprobs: top }) => ({
    logprob: logprob ?? outOfReach,
    top: top.slice(0, alternatives).map(({ id, logprob: value }) => ({ id, logprob: value ?? outOfReach }))
  }))
}

const outOfReach = -9999
