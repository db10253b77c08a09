/** Who spends what, beside what they may. */
import type { BudgetState, SpendReport, SpendRow } from '../api/answers.js'
import { usePolled } from '../api/use-polled.js'
import { formatNanoUsd } from '../formats.js'
import { Data } from '../parts/data.js'
import { Meter } from '../parts/meter.js'
import { EmptyState } from '../parts/notice.js'
import { Panel } from '../parts/panel.js'
import type { ViewProps } from './view-props.js'

const titles = { key: 'Keys', org: 'Organisations' } as const

export function SpendView ({ overview }: ViewProps) {
  const polled = usePolled<SpendReport>('spend')
  if (overview?.keepsAccounts === false) {
    return (
      <EmptyState title='Spending is not kept'>
        <p>This gateway has no account store, so nothing is written down but the sum since its start on the overview.</p>
        <p>Set <code>accounts.store</code> to a file or a Redis address, or start with <code>GEARBOX_STORE=data/accounts.sqlite</code>.</p>
      </EmptyState>
    )
  }
  return (
    <Data polled={polled}>
      {report => report.rows.length === 0
        ? <EmptyState title='Nothing was spent yet'><p>Make a key under <a href='#/keys'>Keys</a>; what it spends and what is left of its budget appear here.</p></EmptyState>
        : (['key', 'org'] as const).map(scope => <SpendPanel key={scope} scope={scope} report={report} />)}
    </Data>
  )
}

function SpendPanel ({ scope, report: { rows, dayLabel, monthLabel } }: { scope: SpendRow['scope'], report: SpendReport }) {
  const shown = rows.filter(row => row.scope === scope)
  if (shown.length === 0) return null
  return (
    <Panel title={titles[scope]} isFlush aside={<span class='muted'>UTC</span>}>
      <table class='table stacks'>
        <thead>
          <tr><th scope='col'>{scope === 'key' ? 'Key' : 'Organisation'}</th><th scope='col'>Today ({dayLabel})</th><th scope='col'>This month ({monthLabel})</th></tr>
        </thead>
        <tbody>
          {shown.map(({ id, name, orgId, day, month }) => (
            <tr key={id}>
              <th scope='row'>{name === '' ? id : name}<span class='below'>{scope === 'key' ? [name === '' ? '' : id, orgId === '' ? 'no record: from the settings, or loopback' : orgId].filter(word => word !== '').join(' · ') : ''}</span></th>
              <td data-label='Today'><Budget label={`Budget of ${id} today`} state={day} /></td>
              <td data-label='This month'><Budget label={`Budget of ${id} this month`} state={month} /></td>
            </tr>
          ))}
        </tbody>
      </table>
    </Panel>
  )
}

function Budget ({ label, state: { spentNanoUsd, heldNanoUsd, limitNanoUsd } }: { label: string, state: BudgetState }) {
  const held = heldNanoUsd === 0 ? '' : `, ${formatNanoUsd(heldNanoUsd)} held by requests under way`
  if (limitNanoUsd === null) return <div><span class='figure'>{formatNanoUsd(spentNanoUsd)}</span><span class='below'>no budget{held}</span></div>
  return (
    <div>
      <Meter label={label} share={limitNanoUsd === 0 ? 1 : spentNanoUsd / limitNanoUsd} />
      <span class='below'>{formatNanoUsd(spentNanoUsd)} of {formatNanoUsd(limitNanoUsd)}{held}</span>
    </div>
  )
}
