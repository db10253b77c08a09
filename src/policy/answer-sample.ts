/**
 * What is remembered of an answered request so that a cascade can be calibrated and judged: figures and reason words, no text
 * of prompt or answer.
 */
import { z } from 'zod'
import { tierSchema } from '../../workers/contract/job.js'

/** What is wrong with an answer, as far as that shows without knowing the right one; in words of a tier's reason. */
export const formFailureSchema = z.enum(['cascade-empty', 'cascade-tool-call', 'cascade-schema'])
export type FormFailure = z.infer<typeof formFailureSchema>

const signalsSchema = z.object({
  /** Of all tokens, natural logarithm; null when the engine reports none. */
  meanLogprob: z.number().max(0).nullable(),
  failure: formFailureSchema.nullable()
})
export type AnswerSignals = z.infer<typeof signalsSchema>

export const answerSampleSchema = z.object({
  requestId: z.string(),
  atMs: z.int(),
  /** Of the answer that was sent. */
  tier: tierSchema,
  reason: z.string(),
  /** Of all attempts, nano-dollars. */
  costNanoUsd: z.int().min(0),
  /** Of each tier's answer; null where that tier was not asked. */
  flash: signalsSchema.nullable(),
  pro: signalsSchema.nullable()
})
export type AnswerSample = z.infer<typeof answerSampleSchema>
