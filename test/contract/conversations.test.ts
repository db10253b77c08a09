/** A conversation stays where its prefix is cached, whichever gateway it comes to next, and leaves only when that is worth the lost prefix. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { AccountService } from '../../src/accounts/account-service.js'
import { listPrices } from '../../src/accounts/list-prices.js'
import type { AccountStore } from '../../src/stores/account-store.js'
import { RedisStore } from '../../src/stores/redis-store.js'
import { SqliteStore } from '../../src/stores/sqlite-store.js'
import { makeAccount } from '../accounts/test-accounts.js'
import { startGateway } from '../http/start-gateway.js'
import { hasRedis, startRedis, withoutRedis } from '../stores/start-redis.js'

interface Message { role: 'user' | 'assistant', content: string }

const answer: Message = { role: 'assistant', content: 'Hello there.' }
const says = (content: string): Message => ({ role: 'user', content })

/** A gateway of its own over a store that others may use too; asks answer [tier, reason]. */
async function start (t: Test, store: AccountStore, secret: string) {
  const accounts = new AccountService({ store, priceBook: listPrices([]), whenUnavailable: { money: 'open' } })
  const gateway = await startGateway(t, { accounts, turns: store })
  t.after(async () => { await accounts.close() })
  return async (messages: Message[], { headers = {}, key = secret, maxTokens = 64 }: { headers?: Record<string, string>, key?: string, maxTokens?: number } = {}) => {
    const { response } = await gateway.sdk({ apiKey: key }).chat.completions.create({ model: 'auto', messages, reasoning_effort: 'none', max_tokens: maxTokens }, { headers }).withResponse()
    return ['tier', 'tier-reason'].map(name => response.headers.get(`x-gearbox-${name}`))
  }
}

const onPro = { headers: { 'x-gearbox-tier': 'pro' } }

await t.test('the same file after a restart', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'gearbox-turns-'))
  t.teardown(() => { rmSync(folder, { recursive: true }) })
  const open = (t: Test): SqliteStore => {
    const store = new SqliteStore({ path: join(folder, 'accounts.sqlite') })
    t.teardown(async () => { await store.close() })
    return store
  }
  let secret = ''
  await t.test('before', async t => {
    const store = open(t)
    secret = (await makeAccount(store, {})).secret
    const ask = await start(t, store, secret)
    t.strictSame(await ask([says('One')], onPro), ['pro', 'asked-by-header'])
  })
  await t.test('after', async t => {
    const store = open(t)
    const ask = await start(t, store, secret)
    t.strictSame(await ask([says('One'), answer, says('Two')]), ['pro', 'conversation'])
    const other = await makeAccount(store, {})
    t.strictSame(await ask([says('One'), answer, says('Two')], { key: other.secret }), ['flash', 'default'], 'nobody else\'s')
  })
})

await t.test('what the lost prefix would cost is counted', async t => {
  const store = new SqliteStore({ path: ':memory:' })
  // Any spending at all speaks against pro.
  const { secret } = await makeAccount(store, { nanoUsdPerMonth: 1_000_000_000 }, { downgradeAtBudgetShare: 0 })
  const ask = await start(t, store, secret)
  const long = says('Read this again and again. '.repeat(400))
  for (const opening of [long, says('Short')]) t.strictSame(await ask([opening], onPro), ['pro', 'asked-by-header'])
  t.strictSame(await ask([long, answer, says('And?')], { maxTokens: 8 }), ['pro', 'conversation'], 'a hit on pro costs less than a miss on flash')
  t.strictSame(await ask([says('Short'), answer, says('And?')], { maxTokens: 2000 }), ['flash', 'budget-share'], 'a long answer costs more than the short prefix saves')
})

if (!hasRedis()) {
  t.comment(withoutRedis)
} else {
  await t.test('two gateways of one Redis, which dies', async t => {
    const redis = await startRedis()
    t.teardown(async () => { await redis.stop() })
    const open = (): RedisStore => new RedisStore({ url: redis.url, prefix: 'turns', commandTimeoutMs: 5000, breaker: { failures: 1, openMs: 60_000 } })
    const stores = [open(), open()] as const
    t.teardown(async () => { for (const store of stores) await store.close() })
    const { secret } = await makeAccount(stores[0], {})
    const [here, there] = [await start(t, stores[0], secret), await start(t, stores[1], secret)]

    const one = [says('One'), answer, says('Two')]
    t.strictSame(await here([says('One')], onPro), ['pro', 'asked-by-header'])
    t.strictSame(await there(one), ['pro', 'conversation'])
    t.strictSame(await there([...one, answer, says('Three')], { headers: { 'x-gearbox-tier': 'flash' } }), ['flash', 'asked-by-header'])
    const two = [...one, answer, says('Three'), answer, says('Four')]
    t.strictSame(await here(two), ['flash', 'conversation'], 'it moved elsewhere, and that is known although this gateway saw only its beginning')

    await redis.kill()
    t.strictSame(await here([...two, answer, says('Five')]), ['flash', 'conversation'], 'from this process\'s memory')
    t.strictSame(await here([says('Alone')], onPro), ['pro', 'asked-by-header'])
    t.strictSame(await there([says('Alone'), answer, says('Still?')]), ['flash', 'default'], 'not known here, and no error')
    t.strictSame(await here([says('Alone'), answer, says('Still?')]), ['pro', 'conversation'])
  })
}
