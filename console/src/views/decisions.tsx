/** The latest requests, or one of them with every step. */
import { useState } from 'preact/hooks'
import type { DecisionLine, Decisions, Outcome } from '../api/answers.js'
import { usePolled } from '../api/use-polled.js'
import { formatClock, formatCount, formatMs, formatNanoUsd, unknown } from '../formats.js'
import { Badge } from '../parts/badge.js'
import { Data } from '../parts/data.js'
import { EmptyState } from '../parts/notice.js'
import { Panel } from '../parts/panel.js'
import { linkTo } from '../route.js'
import { OpenDecision } from './decisions/open-decision.js'
import { outcomeTones } from './decisions/outcome-tones.js'
import type { ViewProps } from './view-props.js'

const outcomes: readonly Outcome[] = ['running', 'completed', 'refused', 'abandoned', 'failed']

export function DecisionsView ({ item }: ViewProps) {
  return item === null ? <DecisionList /> : <OpenDecision key={item} id={item} />
}

function DecisionList () {
  const [outcome, setOutcome] = useState('')
  const [tier, setTier] = useState('')
  const [id, setId] = useState('')
  const query = new URLSearchParams({ limit: '100', ...(outcome === '' ? {} : { outcome }), ...(tier === '' ? {} : { tier }) })
  const polled = usePolled<Decisions>(`decisions?${query.toString()}`)
  const open = (event: Event): void => {
    event.preventDefault()
    if (id.trim() !== '') location.hash = linkTo('decisions', id.trim())
  }
  return (
    <>
      <div class='toolbar'>
        <label class='field inline'><span>Outcome</span>
          <select value={outcome} onChange={event => { setOutcome(event.currentTarget.value) }}>
            <option value=''>all</option>
            {outcomes.map(name => <option key={name} value={name}>{name}</option>)}
          </select>
        </label>
        <label class='field inline'><span>Tier</span>
          <select value={tier} onChange={event => { setTier(event.currentTarget.value) }}>
            <option value=''>all</option><option value='flash'>flash</option><option value='pro'>pro</option>
          </select>
        </label>
        <form class='find' role='search' onSubmit={open}>
          <label class='field inline grows'><span>Request id</span><input type='text' value={id} placeholder='x-request-id, or the id of an answer' onInput={event => { setId(event.currentTarget.value) }} /></label>
          <button type='submit' class='button'>Open</button>
        </form>
      </div>
      <Data polled={polled}>{({ decisions }) => decisions.length === 0 ? <NoDecisions isFiltered={outcome !== '' || tier !== ''} /> : <Table decisions={decisions} />}</Data>
    </>
  )
}

function NoDecisions ({ isFiltered }: { isFiltered: boolean }) {
  return isFiltered
    ? <EmptyState title='No request like this among the latest' />
    : <EmptyState title='No requests yet'><p>Each request appears here with its tier, its reason and what it took. <a href='#/playground'>Send one from the playground.</a></p></EmptyState>
}

function Table ({ decisions }: { decisions: DecisionLine[] }) {
  return (
    <Panel title='Latest requests' isFlush aside={<span class='muted'>newest first</span>}>
      <table class='table stacks'>
        <thead>
          <tr><th scope='col'>Request</th><th scope='col'>Outcome</th><th scope='col'>Tier and reason</th><th scope='col'>Effort</th><th scope='col' class='number'>First token</th><th scope='col' class='number'>Took</th><th scope='col' class='number'>Tokens</th><th scope='col' class='number'>Cost</th></tr>
        </thead>
        <tbody>
          {decisions.map(decision => <Row key={decision.requestId + decision.receivedAt} decision={decision} />)}
        </tbody>
      </table>
    </Panel>
  )
}

function Row ({ decision }: { decision: DecisionLine }) {
  const { requestId, receivedAt, path, outcome, error, tier, tierReason, effort, firstTokenMs, durationMs, usage, costNanoUsd } = decision
  return (
    <tr>
      <th scope='row'><a class='id' href={linkTo('decisions', requestId)}>{requestId}</a><span class='below'>{formatClock(receivedAt)} · {path}</span></th>
      <td data-label='Outcome'><div><Badge tone={outcomeTones[outcome]}>{outcome}</Badge>{error !== null && <span class='below'>{error.code}</span>}</div></td>
      <td data-label='Tier and reason'><div>{tier === null ? unknown : <Badge tone={tier}>{tier}</Badge>}{tierReason !== null && <span class='below'>{tierReason}</span>}</div></td>
      <td data-label='Effort'>{effort ?? unknown}</td>
      <td data-label='First token' class='number'>{formatMs(firstTokenMs)}</td>
      <td data-label='Took' class='number'>{formatMs(durationMs)}</td>
      <td data-label='Tokens' class='number'>{usage === null ? unknown : `${formatCount(usage.promptTokens)} + ${formatCount(usage.completionTokens)}`}</td>
      <td data-label='Cost' class='number'>{formatNanoUsd(costNanoUsd)}</td>
    </tr>
  )
}
