import t from 'tap'
import { AccountService } from '../../../src/accounts/account-service.js'
import { hashSecret } from '../../../src/accounts/keys.js'
import { SqliteStore } from '../../../src/stores/sqlite-store.js'
import { startAdmin } from './start-admin.js'

interface Answer { key?: { id: string, hint: string }, secret?: string, keys?: object[], error?: { message: string } }

await t.test('keys are made, shown once, changed, rotated and revoked, behind the secret of the port', async t => {
  const store = new SqliteStore({ path: ':memory:' })
  const accounts = new AccountService({ store, keyFreshMs: 0 })
  const { adminUrl, gateway } = await startAdmin(t, { store, accounts, secretHash: hashSecret('operator') })
  t.after(async () => {
    await accounts.close()
    await store.close()
  })
  const call = async (method: string, path: string, body?: object, secret = 'operator'): Promise<{ status: number, answer: Answer, text: string }> => {
    const response = await fetch(`${adminUrl}/admin/api/${path}`, { method, headers: { authorization: `Bearer ${secret}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }) }, ...(body === undefined ? {} : { body: JSON.stringify(body) }) })
    const text = await response.text()
    return { status: response.status, text, answer: JSON.parse(text) as Answer }
  }
  const isGood = async (secret: string): Promise<boolean> => (await fetch(`${gateway.url}/v1/models`, { headers: { authorization: `Bearer ${secret}` } })).status === 200

  t.equal((await call('GET', 'keys', undefined, 'guess')).status, 401)
  t.equal((await call('POST', 'keys', { orgId: 'acme' }, 'guess')).status, 401)
  const made = await call('POST', 'keys', { orgId: 'acme', name: 'ci', rules: { allowedTiers: ['flash'] }, limits: { requestsPerMinute: 5 } })
  t.match(made, { status: 201, answer: { key: { id: /^key_/, orgId: 'acme', rules: { allowedTiers: ['flash'] }, limits: { requestsPerMinute: 5 } }, secret: /^gbx_/ } })
  const { key: { id = '' } = {}, secret = '' } = made.answer
  t.ok(await isGood(secret))

  const listed = await call('GET', 'keys')
  t.match(listed.answer, { keys: [{ id, name: 'ci' }] })
  t.notMatch(listed.text, secret)
  t.notMatch(listed.text, hashSecret(secret), 'nor its hash')

  t.match(await call('PATCH', `keys/${id}`, { rules: { effortCap: 'low' } }), { status: 200, answer: { key: { rules: { allowedTiers: ['flash'], effortCap: 'low' }, limits: { requestsPerMinute: 5 } } } })
  const { answer: { secret: second = '' } } = await call('POST', `keys/${id}/rotate`, { graceMs: 0 })
  t.notOk(await isGood(secret), 'the old secret ended with its grace')
  t.ok(await isGood(second))
  t.equal((await call('PATCH', `keys/${id}`, { expiresAt: '2026-01-01T00:00:00Z' })).status, 200)
  t.notOk(await isGood(second))
  t.equal((await call('PATCH', `keys/${id}`, { expiresAt: null })).status, 200)
  t.ok(await isGood(second))
  t.equal((await call('POST', `keys/${id}/revoke`)).status, 200)
  t.notOk(await isGood(second))

  t.match(await call('PUT', 'orgs/acme/limits', { nanoUsdPerMonth: 5_000_000_000 }), { status: 200, answer: { org: { id: 'acme', limits: { nanoUsdPerMonth: 5_000_000_000 } } } })
  t.match(await call('POST', 'keys', { orgId: 'acme', limits: { requestsPerMinut: 5 } }), { status: 400, answer: { error: { message: /requestsPerMinut/ } } })
  t.match(await call('POST', 'keys', {}), { status: 400, answer: { error: { message: /orgId/ } } })
  t.match(await call('POST', 'keys/key_unknown/revoke'), { status: 404 })
})

await t.test('without a store there is nowhere to keep a key, and it says so', async t => {
  const { adminUrl } = await startAdmin(t)
  const response = await fetch(`${adminUrl}/admin/api/keys`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ orgId: 'acme' }) })
  t.equal(response.status, 409)
  t.match(await response.json(), { error: { message: /accounts\.store/ } })
})
