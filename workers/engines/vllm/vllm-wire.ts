/**
 * vLLM's token wire: `POST /inference/v1/generate` (releases that have it: with --enable-scale-out or --tokens-only).
 * Read from the sources of vLLM 0.32, entrypoints/scale_out/token_in_token_out.
 */
import { z } from 'zod'
import type { TokenLogprob } from '../../contract/event.js'
import type { Constraint, Job, Sampling } from '../../contract/job.js'

export interface VllmGenerateRequest {
  request_id: string
  model: string
  token_ids: number[]
  sampling_params: Record<string, unknown>
  output_mode: 'tokens'
  stream: boolean
  stream_options?: { include_usage: true }
  cache_salt?: string
  reasoning_ended?: boolean
}

/**
 * A priority is not sent: vLLM 0.32 started without --scheduling-policy priority neither refuses nor answers a request that has
 * one, and there is no safe way to ask whether it was. Lines are the gateway's business anyway.
 */
export function generateRequestOf (job: Job, model: string): VllmGenerateRequest {
  return {
    request_id: remoteIdOf(job),
    model,
    token_ids: job.tokenIds,
    sampling_params: {
      ...samplingParamsOf(job.sampling),
      ...(job.constraint === undefined ? {} : { structured_outputs: structuredOutputsOf(job.constraint) })
    },
    output_mode: 'tokens',
    stream: true,
    stream_options: { include_usage: true },
    ...(job.cacheSalt === undefined || job.cacheSalt === '' ? {} : { cache_salt: job.cacheSalt }),
    ...(job.constraint === undefined ? {} : { reasoning_ended: job.constraintAfterTokenId === undefined })
  }
}

/** An attempt has an id of its own: an abort of a lost attempt must not end the next one. */
export function remoteIdOf ({ requestId, attempt }: Pick<Job, 'requestId' | 'attempt'>): string {
  return `${requestId}-${attempt}`
}

/** `max_tokens` must be said: the field's default is 16. Text is not asked for, so the engine need not detokenise. */
function samplingParamsOf (sampling: Sampling): Record<string, unknown> {
  const { temperature, topP, topK, minP, seed, presencePenalty, frequencyPenalty, repetitionPenalty, logitBias, maxTokens, minTokens, stopTokenIds, logprobs } = sampling
  const optional = {
    top_k: topK,
    min_p: minP,
    seed,
    presence_penalty: presencePenalty,
    frequency_penalty: frequencyPenalty,
    repetition_penalty: repetitionPenalty,
    logit_bias: logitBias,
    min_tokens: minTokens,
    logprobs
  }
  return {
    temperature,
    top_p: topP,
    max_tokens: maxTokens,
    stop_token_ids: stopTokenIds,
    detokenize: false,
    ...Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined))
  }
}

export function structuredOutputsOf (constraint: Constraint): Record<string, unknown> {
  switch (constraint.kind) {
    case 'json': return { json_object: true }
    case 'schema': return { json: constraint.schema }
    case 'regex': return { regex: constraint.pattern }
    // The tag travels as JSON text.
    case 'structural-tag': return { structural_tag: JSON.stringify(constraint.tag) }
  }
}

const logprobSchema = z.object({ token_id: z.int(), logprob: z.number() })

const logprobsSchema = z.object({
  content: z.array(logprobSchema.extend({ top_logprobs: z.array(logprobSchema).default([]) })).nullable()
})

export const vllmChunkSchema = z.object({
  /** Absent on servers older than the field, which only knew tokens. */
  output_mode: z.string().default('tokens'),
  choices: z.array(z.object({
    token_ids: z.array(z.int().min(0)).nullish(),
    logprobs: logprobsSchema.nullish(),
    finish_reason: z.string().nullish(),
    /** Stop token id or text; null on end of sentence, length and abort. */
    stop_reason: z.union([z.int(), z.string()]).nullish()
  })),
  usage: z.object({
    prompt_tokens: z.int(),
    prompt_tokens_details: z.object({ cached_tokens: z.int().nullish() }).nullish()
  }).nullish()
})
export type VllmChunk = z.infer<typeof vllmChunkSchema>

/** vLLM lists the sampled token first whatever its rank, and one alternative even when none was asked for. */
export function logprobsOf (logprobs: z.infer<typeof logprobsSchema> | null | undefined, alternatives: number | undefined): TokenLogprob[] | undefined {
  if (alternatives === undefined) return undefined
  return logprobs?.content?.map(({ logprob, top_logprobs: top }) => ({
    logprob,
    top: top.map(({ token_id: id, logprob: value }) => ({ id, logprob: value })).sort((left, right) => right.logprob - left.logprob).slice(0, alternatives)
  }))
}
