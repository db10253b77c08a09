import type { Overview, Tier, WorkerReport } from '../../api/answers.js'
import { formatCount, formatRate, formatSeconds, unknown } from '../../formats.js'
import { Badge } from '../../parts/badge.js'
import { Meter } from '../../parts/meter.js'
import { Panel } from '../../parts/panel.js'

export const tierTitles: Record<Tier, string> = { flash: 'Flash', pro: 'Pro' }

export function PoolPanel ({ tier, overview, workers }: { tier: Tier, overview: Overview, workers: WorkerReport[] }) {
  const pool = overview.pools.find(report => report.tier === tier)
  const checkpoint = overview.checkpoints[tier]
  if (pool === undefined) return null
  const { servingWorkers, workers: count } = pool
  const rates = workers.flatMap(({ tokensPerSecond }) => tokensPerSecond === null ? [] : [tokensPerSecond])
  const rate = (figure: (rates: { promptTokens: number, generatedTokens: number }) => number): string => rates.length === 0 ? unknown : `${formatRate(rates.reduce((total, one) => total + figure(one), 0))} tok/s`
  return (
    <Panel
      title={tierTitles[tier]}
      aside={<Badge tone={servingWorkers === 0 ? 'bad' : servingWorkers < count ? 'warn' : 'good'}>{servingWorkers} of {count} serving</Badge>}
    >
      <p class='checkpoint'>
        <span class={`dot ${tier}`} />{checkpoint.name} <span class='muted'>revision {checkpoint.revision}, {formatCount(checkpoint.contextTokens)} tokens of context</span>
        {!checkpoint.trained && <Badge tone='warn' title='These weights are random; the text is noise'>not trained</Badge>}
      </p>
      <dl class='facts meters'>
        <div><dt>Saturation</dt><dd><Meter label={`Saturation of ${tierTitles[tier]}`} share={pool.saturation} /></dd></div>
        <div><dt>KV memory</dt><dd>{pool.kvUsedShare === null ? <span class='muted'>not told</span> : <Meter label={`KV memory of ${tierTitles[tier]}`} share={pool.kvUsedShare} />}</dd></div>
      </dl>
      <dl class='facts three'>
        <div><dt>Running</dt><dd>{formatCount(pool.running)}</dd></div>
        <div><dt>Waiting here</dt><dd>{formatCount(pool.waiting)}</dd></div>
        <div><dt>Queued tokens</dt><dd>{formatCount(pool.queuedTokens)}</dd></div>
        <div><dt>Wait for a new prompt</dt><dd>{formatSeconds(pool.estimatedWaitSeconds)}</dd></div>
        <div><dt>Generates</dt><dd>{rate(({ generatedTokens }) => generatedTokens)}</dd></div>
        <div><dt>Reads prompts</dt><dd>{rate(({ promptTokens }) => promptTokens)}</dd></div>
      </dl>
    </Panel>
  )
}
