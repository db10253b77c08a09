/**
 * Every setting of the gateway, its unit and its default. `config/gateway.yaml` shows them all with a comment each;
 * `config/gateway.schema.json` is generated from here. Unknown keys refuse to start: a misspelt limit is no limit.
 */
import { z } from 'zod'
import { ownHardwareSchema, priceBookSchema } from '../accounts/price-book.js'
import { defaultModelMap } from '../policy/mapped-model.js'
import { tierConfigSchema } from './tier-schema.js'

const milliseconds = z.int().min(0)
const share = z.number().min(0).max(1)
const tier = z.enum(['flash', 'pro'])
const whenUnavailable = z.enum(['open', 'closed'])

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
    unauthenticatedPerMinute: z.int().min(1).default(600),
    /** Origins whose pages may call from a browser, as https://chat.example.org; `*` = all. */
    corsOrigins: z.array(z.string().regex(/^(\*|https?:\/\/[^/]+)$/, 'must be * or an origin, such as https://chat.example.org')).default([])
  }).prefault({}),
  access: z.strictObject({
    /**
     * SHA-256 (hex) of keys without limits, the simplest way to guard a gateway; keys with limits are in `accounts.store`.
     * Where there are neither, no key is asked for, which is allowed on loopback only.
     */
    keyHashes: z.array(z.string().regex(/^[0-9a-f]{64}$/)).default([])
  }).prefault({}),
  accounts: z.strictObject({
    /** Where keys, counters and the ledger are: none, the path of an SQLite file, or redis://… or unix:/path of its socket for many gateways. */
    store: z.string().min(1).default('none'),
    /** File for settlements that the store could not take yet; null = memory only. Each gateway needs its own. */
    journalPath: z.string().min(1).nullable().default('data/settlements.jsonl'),
    /** What each kind of limit does while the store does not answer: let pass, or refuse. */
    whenUnavailable: z.strictObject({
      money: whenUnavailable.default('closed'),
      tokens: whenUnavailable.default('open'),
      requests: whenUnavailable.default('open'),
      concurrency: whenUnavailable.default('open')
    }).prefault({}),
    /** DeepSeek's list prices, or dated rows and peak calendars of one's own, in USD per 1M tokens. */
    prices: z.union([z.literal('deepseek'), priceBookSchema]).default('deepseek'),
    /** Wholly off-peak dates of those list prices; config/gateway.yaml says where they are from. */
    holidays: z.array(z.iso.date()).default(['2026-09-25', '2026-10-01', '2026-10-02', '2026-10-05', '2026-10-06', '2026-10-07', '2027-01-01']),
    /** What a tier's hardware costs and yields, in place of a price; null = the price above. */
    ownHardware: z.strictObject({
      flash: ownHardwareSchema.nullable().default(null),
      pro: ownHardwareSchema.nullable().default(null)
    }).prefault({})
  }).prefault({}),
  batches: z.strictObject({
    /** Folder for uploaded files and batches, of this gateway alone; null = /v1/files and /v1/batches are not served. */
    directory: z.string().min(1).nullable().default('data/batches'),
    /** Requests of batches at work at one time, behind all others. */
    concurrency: z.int().min(1).default(4),
    maxFileBytes: z.int().min(1).default(200 * 1024 * 1024),
    maxFilesPerKey: z.int().min(1).default(10_000),
    maxBytesPerKey: z.int().min(1).default(25 * 1024 ** 3)
  }).prefault({}),
  tiers: z.strictObject({
    flash: tierConfigSchema.prefault({ checkpoint: 'models/flash-mini' }),
    pro: tierConfigSchema.prefault({ checkpoint: 'models/pro-mini' })
  }).prefault({}),
  policy: z.strictObject({
    /** Tier of a request that gives no reason for another. */
    defaultTier: tier.default('flash'),
    /** Share (0 to 1) of the requests that ask for an effort, and may choose, that goes to pro. */
    proShareByEffort: z.strictObject({
      none: share.default(0),
      low: share.default(0),
      high: share.default(0),
      max: share.default(1)
    }).prefault({}),
    /** A share of the requests that nothing else decides goes to this tier, to see how it does. */
    trial: z.strictObject({ tier: tier.default('pro'), share: share.default(0) }).prefault({}),
    /** Flash first, and pro when a check of the whole answer fails: for requests that nothing else decides. */
    cascade: z.strictObject({
      /** For keys whose rules do not say, and callers without a key. */
      isAllowed: z.boolean().default(false),
      /** Lowest mean log-probability of a flash answer that is kept, as `gearbox calibrate` finds it; null = not checked. */
      minMeanLogprob: z.number().max(0).nullable().default(null),
      /** Share that goes straight to a tier, half to each, so that saving and regret can be measured. */
      holdoutShare: share.default(0.02)
    }).prefault({}),
    /** What `xhigh` means: DeepSeek moved it from max to high in August 2026; some clients still mean max. */
    xhighEffort: z.enum(['high', 'max']).default('high')
  }).prefault({}),
  calibration: z.strictObject({
    /** File that figures of answers are written to, without their text; null = none. Each gateway needs its own. */
    path: z.string().min(1).nullable().default(null),
    /** Of that file and its predecessor together; then the older half goes. */
    maxBytes: z.int().min(1024 * 1024).default(32 * 1024 * 1024)
  }).prefault({}),
  dialects: z.strictObject({
    /** Where a stream reports usage: on the finish chunk (deepseek), in a chunk of its own (openai), or both. */
    usageChunk: z.enum(['deepseek', 'openai', 'both']).default('both'),
    /** DeepSeek ignores temperature, top_p and penalties while thinking. */
    honoursSamplingInThinking: z.boolean().default(true),
    /** strict = refuse history without reasoning_content where DeepSeek does; lenient = fill in. */
    reasoningReplay: z.enum(['strict', 'lenient']).default('lenient'),
    /** A tool call that must come (tool_choice required or a named function) while thinking: think first and then call, where the tier's engines can hold the answer to that; answer without thinking; or refuse, as DeepSeek does. */
    forcedToolChoice: z.enum(['think-first', 'without-thinking', 'refuse']).default('think-first'),
    /** A max_tokens beyond what the context has left: refuse it, take what is left (clamp), or as each dialect has it: messages clamp, the others refuse. */
    overlongCompletion: z.enum(['by-dialect', 'refuse', 'clamp']).default('by-dialect'),
    /** The model that answers to names nobody knows, for clients that send one of their own (Cursor); null = they are refused. */
    defaultModel: z.string().min(1).nullable().default(null),
    /** Model names of Anthropic's clients (`*` for any characters, first match wins) and the model that answers to them. */
    anthropicModels: z.record(z.string().min(1), z.string().min(1)).default({ ...defaultModelMap }),
    /** Whether a message of Anthropic's dialect that does not speak of thinking is answered with it, as on every other wire. */
    anthropicThinking: z.enum(['as-elsewhere', 'when-asked']).default('as-elsewhere')
  }).prefault({}),
  admin: z.strictObject({
    /** Metrics, decision log and reload are on a listener of their own. Anything but loopback needs a secret. */
    host: z.string().default('127.0.0.1'),
    /** When it is taken, a free one is used and a warning says which; 0 = a free one. */
    port: z.int().min(0).max(65535).default(9464),
    /** SHA-256 (hex) of what must be sent as `Authorization: Bearer`; null = whoever is on this machine. */
    secretHash: z.string().regex(/^[0-9a-f]{64}$/).nullable().default(null)
  }).prefault({}),
  telemetry: z.strictObject({
    /** Requests that the decision log keeps, in memory. */
    keptDecisions: z.int().min(0).max(100_000).default(500),
    /** Whether prompts and answers go into decision log and traces. */
    recordsContent: z.boolean().default(false),
    traces: z.strictObject({
      /** OTLP/HTTP collector, as `http://host:4318`; null = no traces. */
      endpoint: z.url({ protocol: /^https?$/ }).nullable().default(null),
      /** Share (0 to 1) of the requests traced, unless the caller has decided it. */
      sampleShare: z.number().min(0).max(1).default(1)
    }).prefault({})
  }).prefault({}),
  log: z.strictObject({
    level: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info')
  }).prefault({})
})
export type GatewayConfig = z.infer<typeof configSchema>
