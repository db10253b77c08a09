/** What the admin API answers, by the types of the code that answers. */
import type { PoolReport, WorkerReport } from '../../../src/dispatch/pool-report.js'
import type { Decision, DecisionSummary } from '../../../src/telemetry/decision-log.js'
import type { KeyRecord } from '../../../src/stores/key-record.js'

export type { PoolReport, WorkerReport } from '../../../src/dispatch/pool-report.js'
export type { Decision, DecisionStep, Outcome } from '../../../src/telemetry/decision-log.js'
export type { TrafficPoint, TrafficReport } from '../../../src/telemetry/traffic-history.js'
export type { BudgetState, SpendReport, SpendRow } from '../../../src/http/admin/spend-route.js'
export type Tier = PoolReport['tier']

export interface Overview {
  version: string
  startedAt: string
  uptimeSeconds: number
  state: 'serving' | 'draining'
  keepsAccounts: boolean
  asksForKeys: boolean
  checkpoints: Record<Tier, { name: string, revision: string, trained: boolean, contextTokens: number }>
  pools: PoolReport[]
  totals: Record<string, Array<{ labels: Record<string, string>, value: number }>>
  recent: DecisionSummary
}

export interface Workers { workers: WorkerReport[] }
export type DecisionLine = Omit<Decision, 'steps' | 'content'>
export interface Decisions { decisions: DecisionLine[] }
export type ApiKey = Omit<KeyRecord, 'secrets'> & { secrets: Array<{ expiresAtMs: number | null }> }
export interface Keys { keys: ApiKey[] }
export interface IssuedKey { key: ApiKey, secret: string }
