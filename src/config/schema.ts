/**
 * Every setting of the gateway, its unit and its default. `config/gateway.yaml` shows them all with a comment each;
 * `config/gateway.schema.json` is generated from here. Unknown keys refuse to start: a misspelt limit is no limit.
 */
import { z } from 'zod'

const milliseconds = z.int().min(0)

export const tierConfigSchema = z.strictObject({
  /** Directory of the checkpoint: its tokenizer and name, and what an embedded worker loads. */
  checkpoint: z.string().min(1),
  /** Ranks of the embedded worker's engine: threads that share the experts. */
  ranks: z.int().min(1).max(64).default(1),
  /** Addresses of workers that run elsewhere, `http://host:port` or `unix:/path`; none = one embedded worker is started here. */
  workers: z.array(z.string().regex(/^(https?:\/\/|unix:)/, 'must begin with http://, https:// or unix:')).default([])
})

export const configSchema = z.strictObject({
  server: z.strictObject({
    host: z.string().default('127.0.0.1'),
    port: z.int().min(0).max(65535).default(8080),
    bodyLimitBytes: z.int().min(1024).default(64 * 1024 * 1024),
    /** A silent stream sends a comment this often, so that proxies and clients do not give up. */
    keepAliveMs: milliseconds.min(1000).default(10_000),
    /** How long running answers may finish after SIGTERM. */
    graceMs: milliseconds.default(20_000),
    /** Requests per minute from one address without a valid key. */
    unauthenticatedPerMinute: z.int().min(1).default(600)
  }).prefault({}),
  access: z.strictObject({
    /** SHA-256 (hex) of each key that may call; none = no key is asked for, allowed on loopback only. */
    keyHashes: z.array(z.string().regex(/^[0-9a-f]{64}$/)).default([])
  }).prefault({}),
  tiers: z.strictObject({
    flash: tierConfigSchema.prefault({ checkpoint: 'models/flash-mini' }),
    pro: tierConfigSchema.prefault({ checkpoint: 'models/pro-mini' })
  }).prefault({}),
  policy: z.strictObject({
    /** Tier of a request that gives no reason for another. */
    defaultTier: z.enum(['flash', 'pro']).default('flash'),
    /** What `xhigh` means: DeepSeek moved it from max to high in August 2026; some clients still mean max. */
    xhighEffort: z.enum(['high', 'max']).default('high')
  }).prefault({}),
  dialects: z.strictObject({
    /** Where a stream reports usage: on the finish chunk (deepseek), in a chunk of its own (openai), or both. */
    usageChunk: z.enum(['deepseek', 'openai', 'both']).default('both'),
    /** DeepSeek ignores temperature, top_p and penalties while thinking. */
    honoursSamplingInThinking: z.boolean().default(true),
    /** strict = refuse history without reasoning_content where DeepSeek does; lenient = fill in. */
    reasoningReplay: z.enum(['strict', 'lenient']).default('lenient')
  }).prefault({}),
  log: z.strictObject({
    level: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info')
  }).prefault({})
})
export type GatewayConfig = z.infer<typeof configSchema>
