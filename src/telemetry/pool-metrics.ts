/** Gauges of workers and pools, read when Prometheus asks. Those an autoscaler acts on are named in docs/operations.md. */
import { Gauge, type Registry } from 'prom-client'
import type { Tier } from '../../workers/contract/job.js'
import { reportPool, type PoolReport, type PoolSource } from '../dispatch/pool-report.js'
import type { WorkerState } from '../dispatch/worker-record.js'
import { poolName } from './pool-name.js'

const tiers: readonly Tier[] = ['flash', 'pro']
const states: readonly WorkerState[] = ['registered', 'starting', 'warming', 'serving', 'degraded', 'draining', 'gone', 'quarantined']

type Figure = (report: PoolReport) => number | null

const poolGauges: Array<[name: string, help: string, figure: Figure]> = [
  ['gearbox_queued_tokens', 'Prompt tokens not yet computed, here and in the workers\' own lines', report => report.queuedTokens],
  ['gearbox_pool_saturation', '0 idle to 1 full, by KV memory or job slots; 1 when nobody serves', report => report.saturation],
  // A wait that cannot be told is absent, not 0: an autoscaler would read 0 as idle.
  ['gearbox_queue_wait_seconds_estimate', 'Until a new prompt would be computed; absent when nobody serves', report => report.estimatedWaitSeconds],
  ['gearbox_pool_workers', 'Workers of the pool, whatever their state', report => report.workers],
  ['gearbox_pool_serving_workers', 'Workers that take jobs now', report => report.servingWorkers]
]

/** vLLM's names and labels. */
const vllmGauges: typeof poolGauges = [
  ['vllm:num_requests_running', 'Jobs of this gateway on workers', report => report.running],
  ['vllm:num_requests_waiting', 'Jobs waiting here for a worker', report => report.waiting],
  ['vllm:kv_cache_usage_perc', 'Share (0 to 1) of the workers\' KV memory in use', report => report.kvUsedShare]
]

export function registerPoolMetrics (registry: Registry, source: PoolSource, modelNames: Readonly<Record<Tier, string>>): void {
  const fill = (gauge: Gauge, figure: Figure, labelsOf: (tier: Tier) => Record<string, string>): void => {
    gauge.reset()
    for (const tier of tiers) {
      const value = figure(reportPool(tier, source))
      if (value !== null) gauge.set(labelsOf(tier), value)
    }
  }
  for (const [name, help, figure] of poolGauges) {
    const gauge: Gauge = new Gauge({ name, help, labelNames: ['tier', 'pool'], registers: [registry], collect: () => { fill(gauge, figure, tier => ({ tier, pool: poolName })) } })
  }
  for (const [name, help, figure] of vllmGauges) {
    const labelNames = ['model_name', 'engine', 'tier', 'pool']
    const gauge: Gauge = new Gauge({ name, help, labelNames, registers: [registry], collect: () => { fill(gauge, figure, tier => ({ model_name: modelNames[tier], engine: 'gearbox', tier, pool: poolName })) } })
  }
  const stateGauge: Gauge = new Gauge({
    name: 'gearbox_worker_state',
    help: '1 for the state a worker is in, 0 for the others',
    labelNames: ['tier', 'worker', 'state'],
    registers: [registry],
    collect: () => {
      stateGauge.reset()
      for (const record of source.registry.list()) {
        for (const state of states) stateGauge.set({ tier: record.tier, worker: record.workerId, state }, record.state === state ? 1 : 0)
      }
    }
  })
}
