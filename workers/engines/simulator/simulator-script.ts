/**
 * What a simulated worker does, as data: the file behind `--script`. For load and faults only; nothing here computes.
 */
import { z } from 'zod'

const tokenIdSchema = z.int().min(0)

const answerSchema = z.discriminatedUnion('kind', [
  /** The same answer to every job; each piece becomes one tokens event. A stop token of the job ends it. */
  z.strictObject({ kind: z.literal('pieces'), pieces: z.array(z.array(tokenIdSchema).min(1)) }),
  /** Deterministic noise that depends on the prompt, one token a step, as long as stated (or the job's maxTokens). */
  z.strictObject({
    kind: z.literal('noise'),
    tokens: z.int().min(1).nullable().default(null),
    firstId: tokenIdSchema.default(256),
    lastId: tokenIdSchema.default(1279)
  })
])
export type SimulatedAnswer = z.infer<typeof answerSchema>

export const simulatorFaultSchema = z.strictObject({
  /**
   * die: the engine fails for good, with every job. hang: no stream moves any more, yet the process answers.
   * stall: only this stream stops. fail: the job fails as `event` says. cut: the stream ends without done or fail.
   * garbage: from here on the answer is one token again and again. abort-kills: the engine fails for good when the job is aborted.
   */
  kind: z.enum(['die', 'hang', 'stall', 'fail', 'cut', 'garbage', 'abort-kills']),
  /** Tokens this attempt has emitted when the fault strikes; 0 = after accepted, before the first token. */
  afterTokens: z.int().min(0),
  /** Only on this attempt of a job; absent = on every attempt. */
  onAttempt: z.int().min(1).optional(),
  event: z.object({
    code: z.string(),
    message: z.string().default('simulated failure'),
    blame: z.enum(['worker', 'request', 'network', 'client']),
    retryable: z.boolean()
  }).optional()
})
export type SimulatorFault = z.infer<typeof simulatorFaultSchema>

export const simulatorTimingSchema = z.strictObject({
  /** Null = prefill takes no time. */
  prefillTokensPerSecond: z.number().positive().nullable().default(null),
  /** One decode step = decodeMs + decodeMsPerJob x running jobs. */
  decodeMs: z.number().min(0).default(0),
  decodeMsPerJob: z.number().min(0).default(0)
})

export const simulatorScriptSchema = z.strictObject({
  checkpoint: z.string().default('simulated'),
  effortLadder: z.enum(['preview', '0731']).default('0731'),
  vocabularySize: z.int().min(1).default(129_280),
  contextTokens: z.int().min(1).default(1_048_576),
  constraints: z.array(z.enum(['json', 'schema', 'regex', 'structural-tag'])).default([]),
  resume: z.boolean().default(true),
  /** Whether it says that it resumes constrained jobs too. */
  constrainedResume: z.boolean().default(false),
  /** What it says an aborted job does to it. */
  abort: z.enum(['safe', 'drain', 'never']).default('safe'),
  /** How long loading takes. */
  startMs: z.number().min(0).default(0),
  timing: simulatorTimingSchema.prefault({}),
  answer: answerSchema.prefault({ kind: 'noise' }),
  faults: z.array(simulatorFaultSchema).default([])
})
export type SimulatorScript = z.infer<typeof simulatorScriptSchema>
