/**
 * What a gateway says to a worker besides jobs, and how a worker refuses. Every path is under the worker's base
 * address: `POST /v1/generate` (a job, answered by a stream of events), `POST /v1/abort`, `POST /v1/drain`,
 * `GET /v1/describe`, `GET /v1/load`, `GET /live`, `GET /ready`.
 */
import { z } from 'zod'

/** `loading` before the engine can answer, `failed` when it never will again. */
export const hostStateSchema = z.enum(['loading', 'ready', 'draining', 'failed'])
export type HostState = z.infer<typeof hostStateSchema>

/** Body of `/live` (always 200) and `/ready` (503 unless `ready`). */
export const readinessSchema = z.object({
  state: hostStateSchema,
  workerId: z.string(),
  instanceId: z.string()
})
export type Readiness = z.infer<typeof readinessSchema>

export const abortRequestSchema = z.strictObject({
  requestIds: z.array(z.string().min(1)).min(1),
  /** Spares later attempts: an abort of a lost attempt may arrive after the next one has begun on the same worker. */
  upToAttempt: z.int().min(1).optional()
})
export type AbortRequest = z.infer<typeof abortRequestSchema>

export const drainRequestSchema = z.strictObject({
  /** How long running jobs may still take; those that outlast it fail with `worker-draining`, retryable. */
  budgetMs: z.number().min(0)
})

/** Answered when nothing runs any more. */
export const drainReportSchema = z.object({ abortedJobs: z.int().min(0) })
export type DrainReport = z.infer<typeof drainReportSchema>

/** Body of every answer that is not 2xx. */
export const refusalSchema = z.object({
  error: z.object({
    /** invalid-job (400), checkpoint-mismatch (409), worker-loading, worker-draining, worker-failed (503), … */
    code: z.string(),
    message: z.string(),
    /** The field at fault, as `sampling.maxTokens`; null when no field is. */
    path: z.string().nullable()
  })
})
export type Refusal = z.infer<typeof refusalSchema>
