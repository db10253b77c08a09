/** From what an attempt used to its line in the ledger. Pure. */
import type { Tier } from '../../workers/contract/job.js'
import type { LedgerEntry, Outcome } from '../stores/ledger-entry.js'
import type { Admission } from './admission.js'
import { costOf, pricesAt, type PriceBook, type PricedUsage } from './price-book.js'

export interface AttemptResult {
  usage: PricedUsage & Pick<LedgerEntry, 'countedBy'>
  outcome: Exclude<Outcome, 'abandoned'>
  worker: string | null
  checkpoint: string | null
  /** Where they differ from the admission's: a cascade's attempts. */
  tier?: Tier
  reason?: string
}

/** What an entry needs to know of an admission. */
export type Admitted = Pick<Admission, 'id' | 'requestId' | 'account' | 'tier' | 'reason' | 'admittedAtMs'>

/** Whether the tokens of such an attempt are charged: nothing delivered, nothing owed. */
export function isBilled (outcome: Outcome): boolean {
  return outcome !== 'failed' && outcome !== 'abandoned'
}

/** `attempt` counts from 1. Priced at the instant of admission, by the tier that really worked. */
export function attemptEntry (admission: Admitted, attempt: number, result: AttemptResult, priceBook: PriceBook, settledAtMs: number | null): LedgerEntry {
  const { account, admittedAtMs, requestId } = admission
  const tier = result.tier ?? admission.tier
  const { promptTokens, cachedTokens, completionTokens, countedBy } = result.usage
  return {
    entryId: `${admission.id}.${attempt}`,
    requestId,
    attempt,
    keyId: account.key.id,
    orgId: account.org.id,
    tier,
    reason: result.reason ?? admission.reason,
    checkpoint: result.checkpoint,
    worker: result.worker,
    promptTokens,
    cachedTokens: Math.min(cachedTokens ?? 0, promptTokens),
    completionTokens,
    ...(countedBy === undefined ? {} : { countedBy }),
    costNanoUsd: isBilled(result.outcome) ? costOf(pricesAt(priceBook, tier, admittedAtMs), result.usage) : 0,
    outcome: result.outcome,
    admittedAtMs,
    settledAtMs
  }
}

/** The line that a reservation leaves when its gateway vanished. */
export function abandonedEntry ({ id, requestId, account, tier, reason, admittedAtMs }: Admitted): LedgerEntry {
  return {
    entryId: `${id}.abandoned`,
    requestId,
    attempt: 1,
    keyId: account.key.id,
    orgId: account.org.id,
    tier,
    reason,
    checkpoint: null,
    worker: null,
    promptTokens: 0,
    cachedTokens: 0,
    completionTokens: 0,
    costNanoUsd: 0,
    outcome: 'abandoned',
    admittedAtMs,
    settledAtMs: null
  }
}
