/** What the policy has to know beside the request itself: who asks, what it would cost, where the conversation was. */
import type { AccountService } from '../../accounts/account-service.js'
import type { Account } from '../../accounts/keys.js'
import type { Conversation } from '../../language/conversation.js'
import type { MoneyInputs, TierInputs } from '../../policy/choose-tier.js'
import type { AnsweredOn } from '../../stores/turn-store.js'

export interface Circumstances extends Pick<TierInputs, 'requestId' | 'conversationTier' | 'fits' | 'money' | 'rules'> {
  effortCap: Account['key']['rules']['effortCap']
}

export interface CircumstanceInputs {
  accounts: AccountService
  account: Account
  requestId: string
  conversation: Conversation
  answeredOn: AnsweredOn | null
  maxOutputTokens: number | null
  /** The caller's own ceiling. */
  maxNanoUsd: number | null
  allowsCascade: boolean
}

/** What an answer is taken for when the request sets no cap; the key's own answers correct it. */
const usualMaxTokens = 65_536
const bytesPerToken = 4

export async function circumstancesOf ({ accounts, account, requestId, conversation, answeredOn, maxOutputTokens, maxNanoUsd, allowsCascade }: CircumstanceInputs): Promise<Circumstances> {
  const rules = allowsCascade ? account.key.rules : { ...account.key.rules, cascade: false }
  const promptTokens = roughTokens(conversation)
  const cached = Math.min(answeredOn?.tokens ?? 0, promptTokens)
  const { nanoUsd, isPeak } = await accounts.quote(account, {
    promptTokens,
    maxOutputTokens: maxOutputTokens ?? usualMaxTokens,
    cachedTokens: { pro: answeredOn?.tier === 'pro' ? cached : 0, flash: answeredOn?.tier === 'flash' ? cached : 0 }
  })
  const money: MoneyInputs = {
    nanoUsd,
    ceilingNanoUsd: ceilingOf(rules.ceilingNanoUsdPerRequest, maxNanoUsd),
    // Only rules that look at the budget make the store be asked for it.
    budgetShare: rules.downgradeAtBudgetShare === null ? null : await accounts.budgetShare(account),
    isPeak
  }
  return { requestId, conversationTier: answeredOn?.tier ?? null, fits: { pro: true, flash: true }, money, rules, effortCap: rules.effortCap }
}

function ceilingOf (keys: number | null, callers: number | null): number | null {
  return keys === null ? callers : Math.min(keys, callers ?? Infinity)
}

/** Before the tier is known nothing is rendered or counted; for comparing prices this is near enough. */
export function roughTokens ({ messages, tools }: Conversation): number {
  const bytes = messages.reduce((sum, message) => sum + Buffer.byteLength(message.content), 0)
  return Math.ceil(bytes / bytesPerToken) + 100 * tools.length
}
