/**
 * SGLang's native wire: `POST /generate` with `input_ids`. Read from the sources of SGLang 0.5.23
 * (managers/io_struct.py, managers/tokenizer_manager.py, sampling/sampling_params.py).
 */
import { z } from 'zod'
import type { TokenLogprob } from '../../contract/event.js'
import type { Constraint, Job } from '../../contract/job.js'

export interface SglangRequestOptions {
  /** Only servers with --enable-priority-scheduling look at it. */
  takesPriority: boolean
}

export function generateRequestOf (job: Job, { takesPriority }: SglangRequestOptions): Record<string, unknown> {
  const { sampling, constraint } = job
  return {
    rid: remoteIdOf(job),
    input_ids: job.tokenIds,
    sampling_params: {
      temperature: sampling.temperature,
      top_p: sampling.topP,
      // -1 = all; the field's own default depends on the model.
      top_k: sampling.topK ?? -1,
      max_new_tokens: sampling.maxTokens,
      stop_token_ids: sampling.stopTokenIds,
      ...definedOnly({
        min_p: sampling.minP,
        sampling_seed: sampling.seed,
        presence_penalty: sampling.presencePenalty,
        frequency_penalty: sampling.frequencyPenalty,
        repetition_penalty: sampling.repetitionPenalty,
        logit_bias: sampling.logitBias,
        min_new_tokens: sampling.minTokens
      }),
      ...(constraint === undefined ? {} : grammarOf(constraint))
    },
    stream: true,
    // The grammar waits for the end of reasoning when the prompt ended inside it.
    ...(constraint === undefined ? {} : { require_reasoning: job.constraintAfterTokenId !== undefined }),
    ...(sampling.logprobs === undefined ? {} : { return_logprob: true, logprob_start_len: -1, top_logprobs_num: sampling.logprobs, return_text_in_logprobs: false }),
    ...(takesPriority && job.priority !== undefined ? { priority: job.priority } : {}),
    ...(job.cacheSalt === undefined || job.cacheSalt === '' ? {} : { cache_salt: job.cacheSalt })
  }
}

export function remoteIdOf ({ requestId, attempt }: Pick<Job, 'requestId' | 'attempt'>): string {
  return `${requestId}-${attempt}`
}

/** All of these travel as text. */
function grammarOf (constraint: Constraint): Record<string, string> {
  switch (constraint.kind) {
    case 'json': return { json_schema: '{"type":"object"}' }
    case 'schema': return { json_schema: JSON.stringify(constraint.schema) }
    case 'regex': return { regex: constraint.pattern }
    case 'structural-tag': return { structural_tag: JSON.stringify(constraint.tag) }
  }
}

function definedOnly (fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
}

/** `[logprob, token id, text or null]` */
const labelledSchema = z.tuple([z.number().nullable(), z.int(), z.string().nullable()]).rest(z.unknown())

export const sglangChunkSchema = z.object({
  output_ids: z.array(z.int().min(0)),
  meta_info: z.object({
    finish_reason: z.object({
      type: z.string(),
      matched: z.union([z.int(), z.string(), z.array(z.int())]).nullish(),
      message: z.string().nullish(),
      status_code: z.int().nullish()
    }).nullable(),
    prompt_tokens: z.int(),
    completion_tokens: z.int(),
    cached_tokens: z.int().nullish(),
    output_token_logprobs: z.array(labelledSchema).nullish(),
    output_top_logprobs: z.array(z.array(labelledSchema).nullable()).nullish()
  })
})
export type SglangChunk = z.infer<typeof sglangChunkSchema>

/** Log-probabilities of the chunk's ids; the chosen token may be missing when its probability is 0. */
export function logprobsOf ({ meta_info: meta }: SglangChunk, alternatives: number | undefined): TokenLogprob[] | undefined {
  if (alternatives === undefined) return undefined
  return meta.output_token_logprobs?.map(([logprob], position) => ({
    logprob: logprob ?? outOfReach,
    top: (meta.output_top_logprobs?.[position] ?? []).slice(0, alternatives).map(([value, id]) => ({ id, logprob: value ?? outOfReach }))
  }))
}

const outOfReach = -9999
