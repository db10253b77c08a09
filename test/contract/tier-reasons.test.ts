/** Reasons for a tier that need no history, as a client sees them. */
import t, { type Test } from 'tap'
import { AccountService } from '../../src/accounts/account-service.js'
import { SqliteStore } from '../../src/stores/sqlite-store.js'
import { makeAccount } from '../accounts/test-accounts.js'
import { startGateway, testPolicy, type GatewayOptions } from '../http/start-gateway.js'

async function start (t: Test, options: GatewayOptions = {}, rules: object = {}) {
  const store = new SqliteStore({ path: ':memory:' })
  const accounts = new AccountService({ store })
  const { secret } = await makeAccount(store, {}, rules)
  const gateway = await startGateway(t, { ...options, accounts })
  t.after(async () => {
    await accounts.close()
    await store.close()
  })
  const sdk = gateway.sdk({ apiKey: secret })
  return async (content: string, model = 'auto', headers: Record<string, string> = {}) => {
    const { response } = await sdk.chat.completions.create({ model, messages: [{ role: 'user', content }], reasoning_effort: 'none', max_tokens: 16 }, { headers }).withResponse()
    return [response.headers.get('x-gearbox-tier'), response.headers.get('x-gearbox-tier-reason')]
  }
}

await t.test('what only one tier has room for goes there, unless the other was asked for by name', async t => {
  const ask = await start(t, { contextTokens: { flash: 64, pro: 4096 } })
  const long = 'word '.repeat(200)
  t.strictSame(await ask('short'), ['flash', 'default'])
  t.strictSame(await ask(long), ['pro', 'size-class'])
  await t.rejects(ask(long, 'deepseek-v4-flash'), { status: 400, code: 'context_length_exceeded' })
  await t.rejects(ask('word '.repeat(5000)), { status: 400, message: /maximum context length is 4096/ }, 'neither')
})

await t.test('a share on trial', async t => {
  const all = await start(t, { settings: { policy: { ...testPolicy, trial: { tier: 'pro', share: 1 } } } })
  t.strictSame(await all('hello'), ['pro', 'trial'])
  t.strictSame(await all('hello', 'deepseek-v4-flash'), ['flash', 'pinned-by-model'])
})

await t.test('one tier allowed, and a ceiling that pro would pass', async t => {
  t.strictSame(await (await start(t, {}, { allowedTiers: ['pro'] }))('hello'), ['pro', 'only-allowed-tier'])
  const ask = await start(t, {}, { defaultTier: 'pro' })
  t.strictSame(await ask('hello'), ['pro', 'default'])
  t.strictSame(await ask('hello there', 'auto', { 'x-gearbox-max-cost-usd': '0.00003' }), ['flash', 'cost-ceiling'])
})
