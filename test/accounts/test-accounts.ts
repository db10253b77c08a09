/** Accounts, prices and requests for tests: prices of 1 nano-dollar per token make sums readable. */
import type { AdmitRequest } from '../../src/accounts/admission.js'
import { createKey, type Account } from '../../src/accounts/keys.js'
import { priceBookSchema } from '../../src/accounts/price-book.js'
import type { AccountStore } from '../../src/stores/account-store.js'
import type { LedgerEntry } from '../../src/stores/ledger-entry.js'

/** One nano-dollar per token of any kind, on both tiers. */
export const tokenPrices = priceBookSchema.parse({
  rows: ['flash', 'pro'].map(tier => ({ from: '2026-01-01T00:00:00Z', tier, offPeak: { hit: '0.001', miss: '0.001', output: '0.001' } }))
})

export async function makeAccount (store: AccountStore, limits: object, rules: object = {}): Promise<Account & { secret: string }> {
  const { record, secret } = await createKey(store, { orgId: 'acme', name: 'test', limits, rules })
  const found = await store.findKeyByHash(record.secrets[0]?.hash ?? '')
  if (found === null) throw new Error('the key was just made')
  return { ...found, secret }
}

/** Every entry, oldest first. */
export async function ledgerOf (store: AccountStore): Promise<LedgerEntry[]> {
  const entries: LedgerEntry[] = []
  for await (const entry of store.readLedger({ fromMs: 0, toMs: Number.MAX_SAFE_INTEGER })) entries.push(entry)
  return entries
}

export function askFor (account: Account, fields: Partial<AdmitRequest> = {}): AdmitRequest {
  return { account, requestId: 'request', tier: 'flash', reason: 'default', promptTokens: 10, maxOutputTokens: 10, cachedTokensEstimate: 0, ...fields }
}

export const worked = { outcome: 'completed', worker: 'w1', checkpoint: 'flash-mini' } as const
export function used (promptTokens: number, completionTokens: number, cachedTokens: number | null = 0) {
  return { ...worked, usage: { promptTokens, completionTokens, cachedTokens } }
}
