/** Who a worker is and what it can do: the answer to `GET /v1/describe`. */
import { z } from 'zod'
import { tierSchema } from './job.js'

export const engineDescriptionSchema = z.object({
  /** v4, llama, vllm, sglang, openai, simulator. */
  engine: z.string(),
  checkpoint: z.object({
    name: z.string(),
    revision: z.string(),
    /** False when the weights are random: the text is noise, and every banner says so. */
    trained: z.boolean(),
    effortLadder: z.enum(['preview', '0731']),
    vocabularySize: z.int(),
    parameters: z.int().nullable()
  }),
  /** Prompt and completion together. */
  contextTokens: z.int().min(1),
  capabilities: z.object({
    tokenIds: z.boolean(),
    resume: z.boolean(),
    /** Whether a job under a constraint can be resumed too: the emitted ids are replayed through its grammar. Absent = no. */
    constrainedResume: z.boolean().optional(),
    logprobs: z.boolean(),
    seed: z.boolean(),
    /**
     * What an aborted job does to the engine. safe: it stops. drain: it is let run to its end for nobody, within a bound, since
     * aborting has side effects (a KV connector that asserts). never: without a bound. Absent = safe.
     */
    abort: z.enum(['safe', 'drain', 'never']).optional(),
    constraints: z.array(z.enum(['json', 'schema', 'regex', 'structural-tag']))
  }),
  ranks: z.int().min(1).nullable()
})
export type EngineDescription = z.infer<typeof engineDescriptionSchema>

export const workerDescriptionSchema = engineDescriptionSchema.extend({
  workerId: z.string(),
  /** New for every start of the process, so that a restarted worker is never taken for the old one. */
  instanceId: z.string(),
  tier: tierSchema
})
export type WorkerDescription = z.infer<typeof workerDescriptionSchema>
