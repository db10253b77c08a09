/** What keys and organisations have spent of their budgets, from the counters that refuse when a budget is used up. */
import type { FastifyPluginAsync } from 'fastify'
import { budgetCounter } from '../../accounts/limits.js'
import { dayOf, monthOf } from '../../accounts/utc-period.js'
import type { AccountStore, Tally } from '../../stores/account-store.js'
import type { Limits } from '../../stores/key-record.js'

export interface BudgetState {
  spentNanoUsd: number
  /** Reserved by requests under way. */
  heldNanoUsd: number
  /** null = no limit. */
  limitNanoUsd: number | null
}

export interface SpendRow {
  scope: 'key' | 'org'
  id: string
  name: string
  orgId: string
  day: BudgetState
  month: BudgetState
}

export interface SpendReport {
  /** UTC, as 2026-11-24 and 2026-11. */
  dayLabel: string
  monthLabel: string
  rows: SpendRow[]
}

type Owner = Pick<SpendRow, 'scope' | 'id' | 'name' | 'orgId'> & { limits: Limits | null }

export const spendRoute: FastifyPluginAsync<{ store: AccountStore }> = async (app, { store }) => {
  app.get('/admin/api/spend', async () => await reportSpend(store))
}

async function reportSpend (store: AccountStore): Promise<SpendReport> {
  const nowMs = await store.nowMs()
  const [day, month] = [dayOf(nowMs), monthOf(nowMs)]
  const tallies = new Map([...await store.listTallies(`usd:${day.label}:`), ...await store.listTallies(`usd:${month.label}:`)])
  const rows = (await ownersOf(store, tallies, month.label)).map(({ limits, ...owner }) => ({
    ...owner,
    day: budgetState(tallies.get(budgetCounter(day.label, owner.scope, owner.id)), limits?.nanoUsdPerDay),
    month: budgetState(tallies.get(budgetCounter(month.label, owner.scope, owner.id)), limits?.nanoUsdPerMonth)
  }))
  return { dayLabel: day.label, monthLabel: month.label, rows: rows.sort((one, other) => other.month.spentNanoUsd - one.month.spentNanoUsd) }
}

/** Keys and their organisations, and whoever spent this month without a record: callers on loopback, keys of the settings. */
async function ownersOf (store: AccountStore, tallies: Map<string, Tally>, monthLabel: string): Promise<Owner[]> {
  const keys = await store.listKeys()
  const orgIds = [...new Set(keys.map(({ orgId }) => orgId))]
  const orgs = await Promise.all(orgIds.map(async id => ({ id, limits: (await store.findOrg(id))?.limits ?? null })))
  const known: Owner[] = [
    ...keys.map(({ id, name, orgId, limits }) => ({ scope: 'key' as const, id, name, orgId, limits })),
    ...orgs.map(({ id, limits }) => ({ scope: 'org' as const, id, name: id, orgId: id, limits }))
  ]
  const names = new Set(known.map(({ scope, id }) => budgetCounter(monthLabel, scope, id)))
  const others = [...tallies.keys()].filter(counter => counter.startsWith(`usd:${monthLabel}:`) && !names.has(counter)).map((counter): Owner => {
    const [, , scope, ...id] = counter.split(':')
    return { scope: scope === 'org' ? 'org' : 'key', id: id.join(':'), name: '', orgId: '', limits: null }
  })
  return [...known, ...others]
}

/** Amounts stay below 9 million dollars, so that a number holds them exactly. */
function budgetState (tally: Tally | undefined, limitNanoUsd: number | null | undefined): BudgetState {
  return { spentNanoUsd: Number(tally?.spent ?? 0n), heldNanoUsd: Number(tally?.held ?? 0n), limitNanoUsd: limitNanoUsd ?? null }
}
