/**
 * What is remembered about organisations and their API keys. A key's text is never here, only its SHA-256.
 *
 * Amounts are integer nano-dollars (1e-9 USD). `null` in a limit means unlimited.
 */
import { z } from 'zod'
import { tierSchema } from '../../workers/contract/job.js'

/** Token buckets count in units × 60,000 (see account-store.ts), which must stay an exact integer. */
const perMinuteSchema = z.int().min(1).max(1_000_000_000).nullable().default(null)
/** About 9 million USD: the largest amount that every part (JavaScript, Lua) still counts exactly. */
const nanoUsdSchema = z.int().min(0)

export const limitsSchema = z.strictObject({
  requestsPerMinute: perMinuteSchema,
  inputTokensPerMinute: perMinuteSchema,
  outputTokensPerMinute: perMinuteSchema,
  /** Requests at work at one time, by tier. */
  concurrency: z.strictObject({
    pro: z.int().min(0).nullable().default(null),
    flash: z.int().min(0).nullable().default(null)
  }).prefault({}),
  /** Calendar day, UTC. */
  nanoUsdPerDay: nanoUsdSchema.nullable().default(null),
  /** Calendar month, UTC. */
  nanoUsdPerMonth: nanoUsdSchema.nullable().default(null)
})
export type Limits = z.infer<typeof limitsSchema>

export const keyRulesSchema = z.strictObject({
  allowedTiers: z.array(tierSchema).min(1).default(['pro', 'flash']),
  /** Tier when a request gives no reason for another; null leaves it to the gateway's policy. */
  defaultTier: tierSchema.nullable().default(null),
  /** The hardest effort this key may ask for; null = any. */
  effortCap: z.enum(['none', 'low', 'high', 'max']).nullable().default(null),
  /** Most that one request may be estimated to cost. */
  ceilingNanoUsdPerRequest: nanoUsdSchema.nullable().default(null),
  /** Above this share of the budget (0 to 1) requests that may choose go to flash; null = never. */
  downgradeAtBudgetShare: z.number().min(0).max(1).nullable().default(null),
  /** At peak prices, requests that may choose go to flash, or where they would go anyway. */
  atPeak: z.enum(['same', 'flash']).default('same'),
  /** Whether a request that may choose is tried on flash first and repeated on pro when the answer fails a check; null leaves it to the gateway's policy. */
  cascade: z.boolean().nullable().default(null),
  /** Requests of this key may go before others by as much as they ask for, up to this; below 0 all of them wait behind the usual. */
  maxPriority: z.int().min(-100).max(100).default(0)
})
export type KeyRules = z.infer<typeof keyRulesSchema>

const keySecretSchema = z.strictObject({
  /** SHA-256 of the key's text, hex. */
  hash: z.string().regex(/^[0-9a-f]{64}$/),
  /** Set on the previous secret while a rotation's grace period runs. */
  expiresAtMs: z.int().nullable()
})

export const keyRecordSchema = z.strictObject({
  id: z.string().min(1),
  orgId: z.string().min(1),
  /** Counts writes: a write that is not based on the newest record is refused. */
  version: z.int().min(1),
  name: z.string(),
  /** The first characters of the newest secret, for people to tell keys apart. */
  hint: z.string(),
  /** Newest first; a rotation adds one. */
  secrets: z.array(keySecretSchema).min(1),
  createdAtMs: z.int(),
  expiresAtMs: z.int().nullable(),
  revokedAtMs: z.int().nullable(),
  rules: keyRulesSchema,
  limits: limitsSchema
})
export type KeyRecord = z.infer<typeof keyRecordSchema>

export const orgRecordSchema = z.strictObject({
  id: z.string().min(1),
  /** As a key's; 0 = nothing was ever written about it. */
  version: z.int().min(0).default(0),
  limits: limitsSchema
})
export type OrgRecord = z.infer<typeof orgRecordSchema>
