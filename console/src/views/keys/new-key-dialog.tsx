import { useState } from 'preact/hooks'
import { ask } from '../../api/admin-client.js'
import type { IssuedKey } from '../../api/answers.js'
import { useAction } from '../../api/use-action.js'
import { Dialog } from '../../parts/dialog.js'
import { ErrorNote } from '../../parts/notice.js'

const emptyForm = { orgId: '', name: '', tiers: 'both', requestsPerMinute: '', usdPerDay: '', usdPerMonth: '', days: '' }
type Form = typeof emptyForm

const numbers = [
  { name: 'requestsPerMinute', label: 'Requests per minute', step: '1', min: '1' },
  { name: 'usdPerDay', label: 'USD per day', step: 'any', min: '0' },
  { name: 'usdPerMonth', label: 'USD per month', step: 'any', min: '0' },
  { name: 'days', label: 'Ends after days', step: '1', min: '1' }
] as const

export function NewKeyDialog ({ onMade, onClose }: { onMade: (issued: IssuedKey) => void, onClose: () => void }) {
  const [form, setForm] = useState(emptyForm)
  const { isBusy, error, run } = useAction(async () => { onMade(await ask<IssuedKey>('keys', { method: 'POST', body: bodyOf(form) })) })
  const set = (name: keyof Form) => (event: { currentTarget: HTMLInputElement | HTMLSelectElement }): void => {
    const { value } = event.currentTarget
    setForm(before => ({ ...before, [name]: value }))
  }
  return (
    <Dialog title='New key' onClose={onClose}>
      <form onSubmit={event => { event.preventDefault(); run() }}>
        <div class='fields'>
          <label class='field'><span>Organisation</span><input type='text' required maxLength={200} value={form.orgId} onInput={set('orgId')} /></label>
          <label class='field'><span>Name</span><input type='text' maxLength={200} placeholder='what calls with it' value={form.name} onInput={set('name')} /></label>
          <label class='field'><span>Tiers</span>
            <select value={form.tiers} onChange={set('tiers')}><option value='both'>flash and pro</option><option value='flash'>flash only</option><option value='pro'>pro only</option></select>
          </label>
          {numbers.map(({ name, label, step, min }) => (
            <label key={name} class='field'><span>{label}</span><input type='number' inputMode='decimal' step={step} min={min} placeholder='no limit' value={form[name]} onInput={set(name)} /></label>
          ))}
        </div>
        {error !== null && <ErrorNote error={error} />}
        <div class='dialog-actions'>
          <button type='button' class='button' onClick={onClose}>Cancel</button>
          <button type='submit' class='button primary' disabled={isBusy}>Make key</button>
        </div>
      </form>
    </Dialog>
  )
}

function bodyOf ({ orgId, name, tiers, requestsPerMinute, usdPerDay, usdPerMonth, days }: Form): object {
  const limits = {
    ...(requestsPerMinute === '' ? {} : { requestsPerMinute: Number(requestsPerMinute) }),
    ...(usdPerDay === '' ? {} : { nanoUsdPerDay: Math.round(Number(usdPerDay) * 1e9) }),
    ...(usdPerMonth === '' ? {} : { nanoUsdPerMonth: Math.round(Number(usdPerMonth) * 1e9) })
  }
  return {
    orgId: orgId.trim(),
    name: name.trim(),
    ...(days === '' ? {} : { expiresAt: new Date(Date.now() + Number(days) * 86_400_000).toISOString() }),
    rules: tiers === 'both' ? {} : { allowedTiers: [tiers] },
    limits
  }
}
