/** Keys: which there are, new ones, new secrets, the end of one. */
import { useState } from 'preact/hooks'
import { ask } from '../api/admin-client.js'
import type { ApiKey, IssuedKey, Keys } from '../api/answers.js'
import { usePolled } from '../api/use-polled.js'
import { formatAgo, formatDate, formatNanoUsd } from '../formats.js'
import { Badge, type Tone } from '../parts/badge.js'
import { Data } from '../parts/data.js'
import { Icon } from '../parts/icon.js'
import { EmptyState } from '../parts/notice.js'
import { Panel } from '../parts/panel.js'
import { ConfirmDialog } from './keys/confirm-dialog.js'
import { NewKeyDialog } from './keys/new-key-dialog.js'
import { SecretDialog } from './keys/secret-dialog.js'
import type { ViewProps } from './view-props.js'

type Doing = { what: 'nothing' } | { what: 'create' } | { what: 'rotate' | 'revoke', key: ApiKey } | { what: 'show', issued: IssuedKey }

const graceMs = 24 * 3600_000

export function KeysView ({ overview }: ViewProps) {
  const polled = usePolled<Keys>('keys')
  const [doing, setDoing] = useState<Doing>({ what: 'nothing' })
  const stop = (): void => { setDoing({ what: 'nothing' }) }
  const show = (issued: IssuedKey): void => {
    polled.refresh()
    setDoing({ what: 'show', issued })
  }
  if (overview?.keepsAccounts === false) {
    return (
      <EmptyState title='There is nowhere to keep keys'>
        <p>Set <code>accounts.store</code> to a file or a Redis address, or start with <code>GEARBOX_STORE=data/accounts.sqlite</code>. Then keys with limits and budgets are made here or with <code>gearbox keys</code>.</p>
      </EmptyState>
    )
  }
  return (
    <>
      <Data polled={polled}>
        {({ keys }) => (
          <Panel title='API keys' isFlush aside={<button type='button' class='button primary' onClick={() => { setDoing({ what: 'create' }) }}><Icon name='plus' />New key</button>}>
            {keys.length === 0
              ? <EmptyState title='No keys yet'><p>Make one for each program or person that calls, so that limits, spend and decisions say who it was.</p></EmptyState>
              : <Table keys={keys} onAct={(what, key) => { setDoing({ what, key }) }} />}
          </Panel>
        )}
      </Data>
      {doing.what === 'create' && <NewKeyDialog onMade={show} onClose={stop} />}
      {doing.what === 'show' && <SecretDialog issued={doing.issued} onClose={stop} />}
      {doing.what === 'rotate' && (
        <ConfirmDialog
          title='Give this key a new secret?' action='Rotate' onClose={stop}
          onConfirm={async () => { show(await ask<IssuedKey>(`keys/${doing.key.id}/rotate`, { method: 'POST', body: { graceMs } })) }}
        >
          <p>The secret <code>{doing.key.hint}…</code> of <strong>{nameOf(doing.key)}</strong> stays good for 24 hours; older ones end now. The new one is shown once.</p>
        </ConfirmDialog>
      )}
      {doing.what === 'revoke' && (
        <ConfirmDialog
          title='Revoke this key?' action='Revoke' isDangerous onClose={stop}
          onConfirm={async () => {
            await ask(`keys/${doing.key.id}/revoke`, { method: 'POST' })
            polled.refresh()
            stop()
          }}
        >
          <p>Whoever calls with <strong>{nameOf(doing.key)}</strong> (<code>{doing.key.hint}…</code>) is refused from then on. This cannot be undone.</p>
        </ConfirmDialog>
      )}
    </>
  )
}

function nameOf ({ name, id }: ApiKey): string {
  return name === '' ? id : name
}

function Table ({ keys, onAct }: { keys: ApiKey[], onAct: (what: 'rotate' | 'revoke', key: ApiKey) => void }) {
  return (
    <table class='table stacks'>
      <thead>
        <tr><th scope='col'>Key</th><th scope='col'>State</th><th scope='col'>May</th><th scope='col'>Limits</th><th scope='col'>Made</th><th scope='col'><span class='unseen'>Actions</span></th></tr>
      </thead>
      <tbody>
        {keys.map(key => {
          const [tone, word] = stateOf(key)
          const isOver = word === 'revoked'
          return (
            <tr key={key.id} class={isOver ? 'over' : ''}>
              <th scope='row'>{nameOf(key)}<span class='below'><code>{key.hint}…</code> · {key.orgId}</span></th>
              <td data-label='State'><div><Badge tone={tone}>{word}</Badge>{key.expiresAtMs !== null && word === 'active' && <span class='below'>until {formatDate(key.expiresAtMs)}</span>}</div></td>
              <td data-label='May'><div>{key.rules.allowedTiers.map(tier => <Badge key={tier} tone={tier}>{tier}</Badge>)}{key.rules.effortCap !== null && <span class='below'>effort up to {key.rules.effortCap}</span>}</div></td>
              <td data-label='Limits'><div>{limitsOf(key).map(line => <span key={line} class='line'>{line}</span>)}</div></td>
              <td data-label='Made' title={new Date(key.createdAtMs).toISOString()}>{formatAgo(key.createdAtMs)}</td>
              <td class='actions'>
                {!isOver && <button type='button' class='button small' aria-label={`Rotate ${nameOf(key)}`} onClick={() => { onAct('rotate', key) }}>Rotate</button>}
                {!isOver && <button type='button' class='button small danger' aria-label={`Revoke ${nameOf(key)}`} onClick={() => { onAct('revoke', key) }}>Revoke</button>}
              </td>
            </tr>
          )
        })}
      </tbody>
    </table>
  )
}

function stateOf ({ revokedAtMs, expiresAtMs }: ApiKey): [Tone, string] {
  if (revokedAtMs !== null) return ['bad', 'revoked']
  return expiresAtMs !== null && expiresAtMs <= Date.now() ? ['warn', 'expired'] : ['good', 'active']
}

function limitsOf ({ limits }: ApiKey): string[] {
  const { requestsPerMinute, inputTokensPerMinute, outputTokensPerMinute, nanoUsdPerDay, nanoUsdPerMonth } = limits
  const lines = [
    requestsPerMinute === null ? null : `${requestsPerMinute} requests/min`,
    inputTokensPerMinute === null ? null : `${inputTokensPerMinute} tokens in/min`,
    outputTokensPerMinute === null ? null : `${outputTokensPerMinute} tokens out/min`,
    nanoUsdPerDay === null ? null : `${formatNanoUsd(nanoUsdPerDay)} a day`,
    nanoUsdPerMonth === null ? null : `${formatNanoUsd(nanoUsdPerMonth)} a month`
  ].filter(line => line !== null)
  return lines.length === 0 ? ['none'] : lines
}
