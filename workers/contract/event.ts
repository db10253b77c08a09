/**
 * What a worker says about a job, in this order: accepted, then tokens (or text and tool calls, from an engine that
 * only speaks chat) and load reports as they come, then exactly one of done or fail. All pieces are deltas. A stream
 * that ends without done or fail was cut: the reader must treat it as a failure of the worker.
 */
import { z } from 'zod'

/** A load figure nobody knows is null, never 0: a picker that reads 0 would send everything there. */
export const loadReportSchema = z.object({
  /** Jobs in the running batch. */
  running: z.int().min(0).nullable(),
  waiting: z.int().min(0).nullable(),
  /** Prompt tokens not yet computed, over all jobs. */
  queuedTokens: z.int().min(0).nullable(),
  kvUsedTokens: z.int().min(0).nullable(),
  kvCapacityTokens: z.int().min(0).nullable(),
  promptTokensTotal: z.int().min(0).nullable(),
  generatedTokensTotal: z.int().min(0).nullable()
})
export type LoadReport = z.infer<typeof loadReportSchema>

export const tokenLogprobSchema = z.object({
  /** Natural logarithm of the chosen token's probability before temperature and truncation. */
  logprob: z.number(),
  /** The most likely tokens, best first. */
  top: z.array(z.object({ id: z.int(), logprob: z.number() }))
})
export type TokenLogprob = z.infer<typeof tokenLogprobSchema>

export const jobUsageSchema = z.object({
  promptTokens: z.int().min(0),
  /** Emitted tokens; the stop token is not one of them. An engine that only speaks chat gives its own counts here. */
  completionTokens: z.int().min(0),
  /** Prompt tokens whose state came from the prefix cache; null when the engine does not say. */
  cachedTokens: z.int().min(0).nullable(),
  /** Of the completion, from an engine that counts for itself; null or absent when it does not say. */
  reasoningTokens: z.int().min(0).nullable().optional()
})
export type JobUsage = z.infer<typeof jobUsageSchema>

export const jobEventSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('accepted'), cachedTokens: z.int().min(0).nullable() }),
  z.object({
    type: z.literal('tokens'),
    ids: z.array(z.int().min(0)).min(1),
    /** One entry per id, only when the job asked. */
    logprobs: z.array(tokenLogprobSchema).optional()
  }),
  /** A piece of the answer's text, from an engine that only speaks chat. */
  z.object({ type: z.literal('text'), channel: z.enum(['reasoning', 'content']), text: z.string().min(1) }),
  /** A piece of a tool call, likewise; the first piece of a call names it. `index` counts the calls of the answer from 0. */
  z.object({ type: z.literal('tool-call'), index: z.int().min(0), id: z.string().nullable(), name: z.string().nullable(), argumentsText: z.string() }),
  z.object({ type: z.literal('load'), report: loadReportSchema }),
  z.object({
    type: z.literal('done'),
    finish: z.enum(['stop', 'length', 'abort']),
    /** The stop token that ended the job; null for the other reasons. */
    stopTokenId: z.int().nullable(),
    /** Null: an engine that only speaks chat and did not say. */
    usage: jobUsageSchema.nullable()
  }),
  z.object({
    type: z.literal('fail'),
    /** kebab-case word, e.g. context-overflow, queue-full, rank-died, unsupported-constraint. */
    code: z.string(),
    message: z.string(),
    /** Whose fault: `request` must not be retried anywhere, `worker` and `network` count against the worker. */
    blame: z.enum(['worker', 'request', 'network', 'client']),
    retryable: z.boolean()
  })
])
export type JobEvent = z.infer<typeof jobEventSchema>
export type FailEvent = Extract<JobEvent, { type: 'fail' }>
