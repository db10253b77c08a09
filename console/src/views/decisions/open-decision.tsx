/** One request, opened: what was decided and why, and every step on a common time line. */
import type { ComponentChildren } from 'preact'
import type { Decision, DecisionStep } from '../../api/answers.js'
import { usePolled } from '../../api/use-polled.js'
import { formatCount, formatMs, formatNanoUsd, unknown } from '../../formats.js'
import { Badge } from '../../parts/badge.js'
import { Data } from '../../parts/data.js'
import { Icon } from '../../parts/icon.js'
import { EmptyState } from '../../parts/notice.js'
import { Panel } from '../../parts/panel.js'
import { linkTo } from '../../route.js'
import { outcomeTones } from './outcome-tones.js'

export function OpenDecision ({ id }: { id: string }) {
  const polled = usePolled<Decision>(`decisions/${encodeURIComponent(id)}`)
  return (
    <>
      <p class='back'><a href={linkTo('decisions')}><Icon name='back' />All decisions</a></p>
      {polled.error?.status === 404
        ? <EmptyState title='This request is not kept any more'><p>The log holds the latest requests only (<code>telemetry.keptDecisions</code>), and forgets them when the gateway restarts.</p></EmptyState>
        : <Data polled={polled}>{decision => <Opened decision={decision} />}</Data>}
    </>
  )
}

function Opened ({ decision }: { decision: Decision }) {
  const { requestId, outcome, error, steps, content } = decision
  return (
    <>
      <Panel title={requestId} aside={<Badge tone={outcomeTones[outcome]}>{outcome}</Badge>}>
        {error !== null && <div class='note bad'><p><strong>{error.code}</strong></p>{error.message !== '' && <p>{error.message}</p>}</div>}
        <dl class='facts'>{factsOf(decision).map(([term, value]) => <div key={term}><dt>{term}</dt><dd>{value}</dd></div>)}</dl>
      </Panel>
      <Panel title='Steps' aside={<span class='muted'>milliseconds since the request came</span>}>
        <ol class='steps'>{steps.map((step, index) => <Step key={index} step={step} totalMs={lengthOf(decision)} />)}</ol>
      </Panel>
      {content !== null && <Panel title='Content'><h3>Asked</h3><pre>{content.input}</pre><h3>Answered</h3><pre>{content.output}</pre></Panel>}
    </>
  )
}

function factsOf (decision: Decision): Array<[string, ComponentChildren]> {
  const { tier, tierReason, effort, effortReason, checkpoint, workerId, attempts, usage, costNanoUsd, queueMs, firstTokenMs, durationMs } = decision
  const { status, finish, keyId, receivedAt, jobId, traceId, path, isStream } = decision
  const reasoned = (word: string | null, reason: string | null): ComponentChildren => word === null ? unknown : <>{word}{reason !== null && <span class='below'>{reason}</span>}</>
  return [
    ['Tier', reasoned(tier, tierReason)],
    ['Effort', reasoned(effort, effortReason)],
    ['Checkpoint', checkpoint ?? unknown],
    ['Worker', reasoned(workerId, attempts > 1 ? `${attempts} attempts` : null)],
    ['In line', formatMs(queueMs)],
    ['First token', formatMs(firstTokenMs)],
    ['Took', formatMs(durationMs)],
    ['Cost', formatNanoUsd(costNanoUsd)],
    ['Prompt', usage === null ? unknown : <>{formatCount(usage.promptTokens)} tokens<span class='below'>{formatCount(usage.cachedTokens)} from the cache</span></>],
    ['Answer', usage === null ? unknown : <>{formatCount(usage.completionTokens)} tokens<span class='below'>{formatCount(usage.reasoningTokens)} of them reasoning</span></>],
    ['Ended', reasoned(finish, status === null ? null : `status ${status}`)],
    ['Asked by', keyId ?? 'no key'],
    ['Came', new Date(receivedAt).toLocaleString('en-GB')],
    ['Path', reasoned(path, isStream === null ? null : isStream ? 'streamed' : 'in one piece')],
    ['Job', jobId ?? unknown],
    ...(traceId === null ? [] : [['Trace', traceId] satisfies [string, string]])
  ]
}

function lengthOf ({ durationMs, steps }: Decision): number {
  return Math.max(durationMs ?? 0, ...steps.map(step => step.atMs + (step.durationMs ?? 0)), 1)
}

function Step ({ step: { name, atMs, durationMs, details, fault }, totalMs }: { step: DecisionStep, totalMs: number }) {
  const [left, width] = [atMs / totalMs * 100, (durationMs ?? totalMs - atMs) / totalMs * 100]
  const known = Object.entries(details).filter(([, value]) => value !== null)
  return (
    <li class='step'>
      <strong>{name}</strong>
      <div class='step-track' aria-hidden='true'><div class={`step-bar${fault === null ? '' : ' bad'}`} style={{ left: `${Math.min(left, 99.5)}%`, width: `${Math.max(width, 0.5)}%` }} /></div>
      <span class='figure step-time'>{durationMs === null ? 'goes on' : formatMs(durationMs)}<span class='muted'> at {formatMs(atMs)}</span></span>
      {known.length > 0 && <dl class='step-details'>{known.map(([key, value]) => <div key={key}><dt>{inWords(key)}</dt><dd>{String(value)}</dd></div>)}</dl>}
      {fault !== null && <p class='note bad'><strong>{fault.kind}</strong> {fault.code}: {fault.message}</p>}
    </li>
  )
}

/** tierReason is `tier reason` to people. */
function inWords (key: string): string {
  return key.replace(/[A-Z]/g, letter => ` ${letter.toLowerCase()}`)
}
