import { useState } from 'preact/hooks'
import { ApiError, ask } from '../../api/admin-client.js'
import type { WorkerReport } from '../../api/answers.js'
import { inBackground } from '../../api/in-background.js'
import { formatAgo, formatCount, formatRate, unknown } from '../../formats.js'
import { Badge, type Tone } from '../../parts/badge.js'
import { Meter } from '../../parts/meter.js'
import { EmptyState, ErrorNote } from '../../parts/notice.js'
import { Panel } from '../../parts/panel.js'
import { tierTitles } from './pool-panel.js'

const tones: Record<WorkerReport['state'], Tone> = { registered: 'warn', starting: 'warn', warming: 'warn', serving: 'good', degraded: 'warn', draining: 'warn', gone: 'bad', quarantined: 'bad' }

export function WorkersPanel ({ workers, onRefresh }: { workers: WorkerReport[], onRefresh: () => void }) {
  const [error, setError] = useState<ApiError | null>(null)
  const act = async (worker: WorkerReport): Promise<void> => {
    try {
      await ask(`workers/${encodeURIComponent(worker.workerId)}/${worker.state === 'quarantined' ? 'release' : 'quarantine'}`, { method: 'POST' })
      setError(null)
    } catch (failure) {
      if (!(failure instanceof ApiError)) throw failure
      setError(failure)
    }
    onRefresh()
  }
  if (workers.length === 0) return <Panel title='Workers'><EmptyState title='No workers'><p>Name some under <code>tiers</code> in the settings.</p></EmptyState></Panel>
  return (
    <Panel title='Workers' isFlush>
      {error !== null && <ErrorNote error={error} />}
      <table class='table stacks'>
        <thead>
          <tr><th scope='col'>Worker</th><th scope='col'>State</th><th scope='col'>Load</th><th scope='col' class='number'>Tokens/s</th><th scope='col'>Last failure</th><th scope='col'><span class='unseen'>Action</span></th></tr>
        </thead>
        <tbody>
          {workers.map(worker => <WorkerRow key={worker.workerId} worker={worker} onAct={() => { inBackground(act(worker)) }} />)}
        </tbody>
      </table>
    </Panel>
  )
}

function WorkerRow ({ worker, onAct }: { worker: WorkerReport, onAct: () => void }) {
  const { workerId, tier, state, stateReason, engine, checkpoint, tokensPerSecond, pastFaults, ranks } = worker
  const isOut = state === 'quarantined'
  const about = [tierTitles[tier], ...(engine === null ? [] : [`engine ${engine}`]), ...(checkpoint === null ? [] : [checkpoint.name]), ...(ranks === null || ranks < 2 ? [] : [`${ranks} ranks`])]
  return (
    <tr>
      <th scope='row'>
        <span class='worker-name'><span class={`dot ${tier}`} />{workerId}</span>
        <span class='below'>{about.join(' · ')}</span>
      </th>
      <td data-label='State'><div><Badge tone={tones[state]}>{state}</Badge><span class='below'>{stateReason}</span></div></td>
      <td data-label='Load'>
        <Load worker={worker} />
      </td>
      <td data-label='Tokens/s' class='number'><div>{formatRate(tokensPerSecond?.generatedTokens ?? null)}<span class='below'>prompts {formatRate(tokensPerSecond?.promptTokens ?? null)}</span></div></td>
      <td data-label='Last failure' class='faults'><div><Faults faults={pastFaults} /></div></td>
      <td class='actions'>
        <button type='button' class='button small' onClick={onAct} aria-label={`${isOut ? 'Resume' : 'Drain'} ${workerId}`} title={isOut ? 'It is given jobs again' : 'It finishes what it has and is given nothing new'}>{isOut ? 'Resume' : 'Drain'}</button>
      </td>
    </tr>
  )
}

function Load ({ worker: { workerId, load, inFlight } }: { worker: WorkerReport }) {
  const { kvUsedTokens = null, kvCapacityTokens = null, running = null, waiting = null } = load ?? {}
  const kvShare = kvUsedTokens === null || kvCapacityTokens === null || kvCapacityTokens === 0 ? null : kvUsedTokens / kvCapacityTokens
  return (
    <div>
      <Meter label={`KV memory of ${workerId}`} share={kvShare} text={kvShare === null ? unknown : `${Math.round(kvShare * 100)} % KV`} />
      <span class='below'>{formatCount(inFlight.jobs)} jobs from here, {formatCount(running)} running, {formatCount(waiting)} waiting</span>
    </div>
  )
}

function Faults ({ faults }: { faults: WorkerReport['pastFaults'] }) {
  const last = faults.at(-1)
  if (last === undefined) return <span class='muted'>none</span>
  const earlier = faults.slice(0, -1).reverse()
  return (
    <>
      <span><Badge tone='bad'>{last.kind}</Badge> {formatAgo(last.at)}</span>
      <span class='below'>{last.message}</span>
      {earlier.length > 0 && (
        <details>
          <summary>{earlier.length} earlier</summary>
          <ul>{earlier.map(({ at, kind, message }) => <li key={at}>{kind}, {formatAgo(at)}: {message}</li>)}</ul>
        </details>
      )}
    </>
  )
}
