/** The last minutes as lines: how much, how fast, how well. */
import { useState } from 'preact/hooks'
import type { Tier, TrafficPoint, TrafficReport } from '../api/answers.js'
import { usePolled } from '../api/use-polled.js'
import { formatMs, formatRate } from '../formats.js'
import { Chart, type Line } from '../parts/chart.js'
import { Data } from '../parts/data.js'
import { EmptyState } from '../parts/notice.js'
import { Panel } from '../parts/panel.js'

const spans = [5, 15, 60] as const
type Latency = 'firstTokenMs' | 'tokenGapMs' | 'durationMs'

export function TrafficView () {
  const [minutes, setMinutes] = useState<typeof spans[number]>(15)
  const polled = usePolled<TrafficReport>(`traffic?minutes=${minutes}`)
  return (
    <>
      <div class='toolbar'>
        <div class='segments' role='group' aria-label='Time shown'>
          {spans.map(span => <button key={span} type='button' aria-pressed={span === minutes} onClick={() => { setMinutes(span) }}>{span} min</button>)}
        </div>
      </div>
      <Data polled={polled}>{report => <Charts report={report} />}</Data>
    </>
  )
}

function Charts ({ report: { points, windowSeconds } }: { report: TrafficReport }) {
  const times = points.map(({ atMs }) => atMs)
  const perMinute = (figure: (point: TrafficPoint) => number): number[] => points.map(point => figure(point) * 60 / windowSeconds)
  const isQuiet = points.every(({ outcomes, tiers }) => Object.values(outcomes).every(count => count === 0) && tiers.flash.generatedTokens + tiers.pro.generatedTokens === 0)
  return (
    <>
      {isQuiet && <EmptyState title='No traffic in this time'><p>The charts fill by themselves, every {windowSeconds} s, once requests come. <a href='#/playground'>Send one from the playground.</a></p></EmptyState>}
      <div class='charts'>
        <Panel title='Requests per minute'>
          <Chart title='Requests per minute' times={times} format={formatRate} lines={[{ label: 'completed', color: 'good', values: perMinute(({ outcomes }) => outcomes.completed) }]} />
        </Panel>
        <Panel title='Errors per minute'>
          <Chart
            title='Errors per minute' times={times} format={formatRate} lines={[
              { label: 'failed', color: 'bad', values: perMinute(({ outcomes }) => outcomes.failed) },
              { label: 'refused', color: 'warn', values: perMinute(({ outcomes }) => outcomes.refused) },
              { label: 'abandoned', color: 'muted', isDashed: true, values: perMinute(({ outcomes }) => outcomes.abandoned) }
            ]}
          />
        </Panel>
        <Panel title='Tokens generated per second'>
          <Chart title='Tokens generated per second' times={times} format={formatRate} lines={(['flash', 'pro'] as const).map(tier => ({ label: tier, color: tier, values: points.map(({ tiers }) => tiers[tier].generatedTokens / windowSeconds) }))} />
        </Panel>
        <Panel title='Time to first token'>
          <Chart title='Time to first token' times={times} format={formatMs} lines={latencyLines(points, 'firstTokenMs')} />
        </Panel>
        <Panel title='Time between tokens'>
          <Chart title='Time between tokens' times={times} format={formatMs} lines={latencyLines(points, 'tokenGapMs')} />
        </Panel>
        <Panel title='Time to the end of the answer'>
          <Chart title='Time to the end of the answer' times={times} format={formatMs} lines={latencyLines(points, 'durationMs')} />
        </Panel>
      </div>
    </>
  )
}

function latencyLines (points: TrafficPoint[], latency: Latency): Line[] {
  const line = (tier: Tier, share: 'p50' | 'p95'): Line => ({ label: `${tier} ${share}`, color: tier, isDashed: share === 'p95', values: points.map(({ tiers }) => tiers[tier][latency][share]) })
  return [line('flash', 'p50'), line('flash', 'p95'), line('pro', 'p50'), line('pro', 'p95')]
}
