/** What serves a tier: a checkpoint, and the workers that compute it. */
import { z } from 'zod'

const address = z.string().regex(/^(https?:\/\/|unix:)/, 'must begin with http://, https:// or unix:')

const remoteEngine = {
  /** Address of the engine's server. */
  url: address,
  /** Its own name of the model; left out = the first it lists. */
  model: z.string().min(1).optional(),
  /** Name of the environment variable that holds the key; the key itself is never in this file. */
  apiKeyEnv: z.string().regex(/^[A-Za-z_]\w*$/).optional(),
  /** How long it may take to be ready. Pro's weights take up to an hour. */
  startMs: z.int().min(0).default(3_600_000),
  /** What it bears when a client leaves: safe = its job is stopped, drain = runs on for two minutes at most, never = to its end. Some KV connectors kill the engine. */
  abort: z.enum(['safe', 'drain', 'never']).default('safe')
}

/** An engine for which the gateway starts a worker process: our own on the tier's checkpoint, or one that the process speaks to. */
const engineWorkerSchema = z.discriminatedUnion('engine', [
  z.strictObject({
    engine: z.literal('v4'),
    /** Threads that share the experts; left out = the tier's. */
    ranks: z.int().min(1).max(64).optional()
  }),
  z.strictObject({ engine: z.literal('vllm'), ...remoteEngine }),
  z.strictObject({ engine: z.literal('sglang'), ...remoteEngine }),
  z.strictObject({ engine: z.literal('llama-server'), ...remoteEngine }),
  z.strictObject({
    engine: z.literal('openai'),
    ...remoteEngine,
    model: z.string().min(1),
    /** How it is told to think: fields of the body (DeepSeek's API, ds4-server) or arguments of the chat template (vLLM, SGLang). */
    thinking: z.enum(['deepseek', 'template']).default('deepseek'),
    /** Forms that the server holds an answer to by `response_format`. DeepSeek's API: json. vLLM and SGLang: both. */
    enforces: z.array(z.enum(['json', 'schema'])).default([])
  }),
  z.strictObject({
    engine: z.literal('llama'),
    /** The GGUF file. */
    path: z.string().min(1),
    /** Folder where node-llama-cpp is installed; left out = where the gateway runs. */
    llamaFrom: z.string().min(1).optional(),
    /** Left out = all cores. */
    threads: z.int().min(1).optional(),
    /** Jobs at once, each with a cache of its own. */
    sequences: z.int().min(1).max(64).default(1),
    /** Prompt and completion of one job. */
    contextTokens: z.int().min(256),
    /** Layers on the GPU; left out = as many as fit, 0 = none. */
    gpuLayers: z.int().min(0).optional(),
    kvType: z.enum(['F16', 'F32']).default('F16')
  })
])
export type EngineWorkerConfig = z.infer<typeof engineWorkerSchema>

/** A checkpoint whose files are elsewhere: its name and language, without weights. */
const namedCheckpointSchema = z.strictObject({
  name: z.string().min(1),
  revision: z.string().min(1).default('unknown'),
  /** Which efforts it was trained with: `preview` (high, max), or `0731` and later (low, high, max). */
  effortLadder: z.enum(['preview', '0731']),
  /** Prompt and completion together. */
  contextTokens: z.int().min(1),
  /** Built in. */
  tokenizer: z.literal('deepseek-v4')
})

export const tierConfigSchema = z.strictObject({
  /** Directory of the checkpoint (its tokenizer and name, and what our own engine loads), or its name and language where the weights are elsewhere. */
  checkpoint: z.union([z.string().min(1), namedCheckpointSchema]),
  /** Ranks of the embedded worker's engine: threads that share the experts. */
  ranks: z.int().min(1).max(64).default(1),
  /**
   * Addresses of workers that run elsewhere (`http://host:port` or `unix:/path`), and engines to start a worker for;
   * none = one worker with our own engine is started here. An engine that only speaks chat (`openai`) is the overflow of the others.
   */
  workers: z.array(z.union([address, engineWorkerSchema])).default([])
})
export type TierConfig = z.infer<typeof tierConfigSchema>
