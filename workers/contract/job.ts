/**
 * A job: one generation on one worker, in token ids. What a gateway may ask of any engine.
 *
 * Owned by the workers. Engines that take ids get no text: prompts were rendered and tokenised before, and a constraint
 * is the only structured thing they see; engines that only speak chat get the conversation too. Unknown keys are
 * refused, so that a gateway and a worker of different versions disagree loudly instead of silently dropping a limit.
 */
import { z } from 'zod'
import { chatSchema } from './chat.js'

export const tierSchema = z.enum(['pro', 'flash'])
export type Tier = z.infer<typeof tierSchema>

const tokenIdSchema = z.int().min(0)

export const samplingSchema = z.strictObject({
  /** 0 means greedy: the lowest id wins among equal logits. */
  temperature: z.number().min(0),
  topP: z.number().gt(0).max(1),
  topK: z.int().min(1).optional(),
  minP: z.number().min(0).max(1).optional(),
  /** Same seed, same job, same checkpoint: same tokens, whatever else runs. */
  seed: z.int().optional(),
  presencePenalty: z.number().optional(),
  frequencyPenalty: z.number().optional(),
  repetitionPenalty: z.number().gt(0).optional(),
  /** Added to the logits before anything else, by token id. */
  logitBias: z.record(z.string().regex(/^\d+$/), z.number()).optional(),
  maxTokens: z.int().min(1),
  minTokens: z.int().min(0).optional(),
  /** Any of these ends the job; it is named in `done` and is neither emitted nor counted. */
  stopTokenIds: z.array(tokenIdSchema),
  /** Alternatives to report for each token: absent = no log-probabilities, 0 = the chosen token's only. */
  logprobs: z.int().min(0).max(20).optional()
})
export type Sampling = z.infer<typeof samplingSchema>

export const constraintSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('json') }),
  z.strictObject({ kind: z.literal('schema'), schema: z.unknown() }),
  z.strictObject({ kind: z.literal('regex'), pattern: z.string() }),
  z.strictObject({ kind: z.literal('structural-tag'), tag: z.unknown() })
])
export type Constraint = z.infer<typeof constraintSchema>

export const jobSchema = z.strictObject({
  requestId: z.string().min(1).max(256),
  /** 1 for the first try; a retry or a resume counts on. */
  attempt: z.int().min(1),
  tier: tierSchema,
  /** Name of the checkpoint the prompt was tokenised for; a worker that serves another refuses the job. */
  checkpoint: z.string().min(1),
  tokenIds: z.array(tokenIdSchema).min(1),
  /** The same conversation in words, for engines whose description says `tokenIds: false`; others do not look at it. */
  chat: chatSchema.optional(),
  /** How many of the last `tokenIds` an earlier attempt had already emitted (a resumed stream); they are prompt here. */
  resumedFrom: z.int().min(0).optional(),
  sampling: samplingSchema,
  constraint: constraintSchema.optional(),
  /** The constraint begins after this token id (V4: `</think>`), when the prompt ended inside reasoning. */
  constraintAfterTokenId: tokenIdSchema.optional(),
  /** Higher goes first. */
  priority: z.int().optional(),
  /** Prefix-cache entries are shared only between jobs of the same salt. */
  cacheSalt: z.string().max(1024).optional(),
  /** Milliseconds from receipt after which the worker may give the job up (relative, so clocks need not agree). */
  deadlineMs: z.number().positive().optional()
})
export type Job = z.infer<typeof jobSchema>
