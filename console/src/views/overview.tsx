/** What the service is doing now: pools, workers, queue. */
import type { Overview, Tier, WorkerReport, Workers } from '../api/answers.js'
import { usePolled } from '../api/use-polled.js'
import { formatCount, formatMs, formatNanoUsd, formatRate, unknown } from '../formats.js'
import { Data } from '../parts/data.js'
import { Loading } from '../parts/notice.js'
import { Tile } from '../parts/panel.js'
import { PoolPanel } from './overview/pool-panel.js'
import { WorkersPanel } from './overview/workers-panel.js'
import type { ViewProps } from './view-props.js'

const tiers: readonly Tier[] = ['flash', 'pro']

export function OverviewView ({ overview }: ViewProps) {
  const polled = usePolled<Workers>('workers')
  const handleRefresh = polled.refresh
  return (
    <Data polled={polled}>
      {({ workers }) => overview === null
        ? <Loading />
        : (
          <>
            <Tiles overview={overview} workers={workers} />
            <div class='pools'>
              {tiers.map(tier => <PoolPanel key={tier} tier={tier} overview={overview} workers={workers.filter(worker => worker.tier === tier)} />)}
            </div>
            <WorkersPanel workers={workers} onRefresh={handleRefresh} />
          </>
          )}
    </Data>
  )
}

function Tiles ({ overview: { pools, recent, totals }, workers }: { overview: Overview, workers: WorkerReport[] }) {
  const sum = (figure: (pool: Overview['pools'][number]) => number): number => pools.reduce((total, pool) => total + figure(pool), 0)
  const rates = workers.flatMap(({ tokensPerSecond }) => tokensPerSecond === null ? [] : [tokensPerSecond.generatedTokens])
  const spentUsd = (totals['spendUsd'] ?? []).reduce((total, { value }) => total + value, 0)
  const { completed, failed } = recent.outcomes
  return (
    <dl class='tiles'>
      <Tile label='Running' value={formatCount(sum(({ running }) => running))} detail='jobs on workers' />
      <Tile label='Waiting' value={formatCount(sum(({ waiting }) => waiting))} detail={`${formatCount(sum(({ queuedTokens }) => queuedTokens))} tokens queued`} />
      <Tile label='Speed' value={rates.length === 0 ? unknown : formatRate(rates.reduce((total, rate) => total + rate, 0))} detail='tokens per second' />
      <Tile label='First token' value={formatMs(recent.firstTokenMs.p50)} detail={`p95 ${formatMs(recent.firstTokenMs.p95)}`} />
      <Tile label='Completed' value={formatCount(completed)} detail={`of ${formatCount(recent.kept)}; ${formatCount(failed)} failed`} />
      <Tile label='Spent' value={formatNanoUsd(Math.round(spentUsd * 1e9))} detail='since the start' />
    </dl>
  )
}
