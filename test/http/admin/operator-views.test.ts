/** What the console asks for: traffic, spend, and the playground's way to the front door. */
import t from 'tap'
import { AccountService } from '../../../src/accounts/account-service.js'
import { createKey, setOrgLimits } from '../../../src/accounts/keys.js'
import { SqliteStore } from '../../../src/stores/sqlite-store.js'
import { createLogger } from '../../../src/telemetry/create-logger.js'
import { endless, says } from '../start-gateway.js'
import { settled, startAdmin } from './start-admin.js'

const messages = [{ role: 'user', content: 'Hello?' }]

await t.test('traffic is told for as many minutes as were asked for', async t => {
  const { adminUrl } = await startAdmin(t)
  t.match(await (await fetch(`${adminUrl}/admin/api/traffic`)).json(), { windowSeconds: 5, points: { length: 180 } })
  t.match(await (await fetch(`${adminUrl}/admin/api/traffic?minutes=60`)).json(), { windowSeconds: 20, points: { length: 180 } })
  for (const minutes of ['0', '61', 'x']) t.equal((await fetch(`${adminUrl}/admin/api/traffic?minutes=${minutes}`)).status, 400, minutes)
})

await t.test('spend is the counters\' own: what was charged, beside the budgets of key and organisation', async t => {
  const store = new SqliteStore({ path: ':memory:' })
  const accounts = new AccountService({ store, keyFreshMs: 0 })
  t.after(async () => {
    await accounts.close()
    await store.close()
  })
  const { record, secret } = await createKey(store, { orgId: 'acme', name: 'ci', limits: { nanoUsdPerDay: 5_000_000 } })
  await setOrgLimits(store, 'acme', { nanoUsdPerMonth: 7_000_000 })
  const { adminUrl, gateway, telemetry } = await startAdmin(t, { store, accounts, answer: says('Hm.</think>Fine.') })
  const response = await gateway.post({ model: 'auto', messages }, { authorization: `Bearer ${secret}` })
  const chargedNanoUsd = Math.round(Number(response.headers.get('x-gearbox-cost-usd')) * 1e9)
  await response.text()
  await settled(telemetry)

  t.ok(chargedNanoUsd > 0)
  const spent = { spentNanoUsd: chargedNanoUsd, heldNanoUsd: 0 }
  const { rows } = await (await fetch(`${adminUrl}/admin/api/spend`)).json() as { rows: Array<{ scope: string }> }
  t.strictSame(rows.find(({ scope }) => scope === 'key'), { scope: 'key', id: record.id, name: 'ci', orgId: 'acme', day: { ...spent, limitNanoUsd: 5_000_000 }, month: { ...spent, limitNanoUsd: null } })
  t.strictSame(rows.find(({ scope }) => scope === 'org'), { scope: 'org', id: 'acme', name: 'acme', orgId: 'acme', day: { ...spent, limitNanoUsd: null }, month: { ...spent, limitNanoUsd: 7_000_000 } })
})

await t.test('the playground is a client like any other: its key is asked for, its answer is the front door\'s', async t => {
  const store = new SqliteStore({ path: ':memory:' })
  const accounts = new AccountService({ store, keyFreshMs: 0 })
  t.after(async () => {
    await accounts.close()
    await store.close()
  })
  const { secret } = await createKey(store, { orgId: 'acme', name: 'playground' })
  const { adminUrl, telemetry } = await startAdmin(t, { store, accounts, answer: says('Hm.</think>Fine.') })
  const chat = async (headers: Record<string, string>): Promise<Response> => await fetch(`${adminUrl}/admin/api/playground/chat`, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify({ model: 'deepseek-v4-pro', messages, stream: true }) })

  const refused = await chat({})
  t.equal(refused.status, 401)
  t.equal(refused.headers.get('www-authenticate'), null, 'the page can tell it from a refusal of its own secret')
  t.match(await refused.json(), { error: { code: 'invalid_api_key' } })

  const answered = await chat({ 'x-playground-key': secret })
  t.equal(answered.status, 200)
  t.match(answered.headers.get('content-type'), 'text/event-stream')
  t.equal(answered.headers.get('x-gearbox-tier'), 'pro')
  t.match(await answered.text(), /"reasoning_content":"[^]*"content":"[^]*\[DONE\]/)
  await settled(telemetry)
  t.match(telemetry.decisions.find(answered.headers.get('x-request-id') ?? ''), { outcome: 'completed', tier: 'pro', costNanoUsd: Number })
})

await t.test('who stops reading in the playground stops the work', async t => {
  const { source, stopped } = endless('Hm.</think>On and on')
  const { adminUrl } = await startAdmin(t, { answer: source })
  const leave = new AbortController()
  const response = await fetch(`${adminUrl}/admin/api/playground/chat`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ model: 'auto', messages, stream: true }), signal: leave.signal })
  await response.body?.getReader().read()
  leave.abort()
  await stopped
  t.pass('the engine was told to stop')
})

await t.test('of an answer that its client left, decision, log line and gauge come to an end, with what it cost', async t => {
  const { source } = endless('Hm.</think>On and on')
  const lines: string[] = []
  const { gateway, telemetry, adminUrl } = await startAdmin(t, { answer: source, logger: createLogger('info', { write: line => { lines.push(line) } }) })
  for (const isStream of [true, false]) {
    const leave = new AbortController()
    const answer = fetch(`${gateway.url}/v1/chat/completions`, { method: 'POST', headers: { 'content-type': 'application/json', 'x-request-id': `left-${isStream}` }, body: JSON.stringify({ model: 'auto', messages, stream: isStream, max_tokens: 30_000 }), signal: leave.signal })
    if (isStream) await (await answer).body?.getReader().read()
    while ((telemetry.decisions.find(`left-${isStream}`)?.firstTokenMs ?? null) === null) await new Promise(resolve => setImmediate(resolve))
    leave.abort()
    await answer.catch(() => {})
    await settled(telemetry)
    t.match(telemetry.decisions.find(`left-${isStream}`), { outcome: 'abandoned', costNanoUsd: Number, usage: { completionTokens: Number } })
    const line = lines.map(text => JSON.parse(text) as Record<string, unknown>).filter(({ msg, reqId }) => msg === 'request answered' && reqId === `left-${isStream}`)
    t.match(line, [{ outcome: 'abandoned', status: isStream ? 200 : 499, costNanoUsd: Number, completionTokens: Number }])
    t.equal(line.length, 1)
  }
  t.match(await (await fetch(`${adminUrl}/metrics`)).text(), /gearbox_answers_running\{tier="flash"\} 0/)
})
