import t, { type Test } from 'tap'
import { AccountService, type AccountServiceOptions } from '../../src/accounts/account-service.js'
import { anonymousAccount, hashOfBearer, setOrgLimits, updateKey } from '../../src/accounts/keys.js'
import { checkCounters, usageBy } from '../../src/accounts/ledger.js'
import { LimitError } from '../../src/accounts/limits.js'
import { priceBookSchema } from '../../src/accounts/price-book.js'
import { GatewayError } from '../../src/errors.js'
import { SqliteStore } from '../../src/stores/sqlite-store.js'
import { askFor, ledgerOf, makeAccount, tokenPrices, used } from './test-accounts.js'

const noon = Date.parse('2026-11-24T12:00:00Z')

function open (t: Test, options: Partial<AccountServiceOptions> = {}) {
  const clock = { nowMs: noon }
  const store = new SqliteStore({ path: ':memory:', clock: () => clock.nowMs })
  const service = new AccountService({ store, priceBook: tokenPrices, lastSettlementsMs: 0, ...options })
  t.teardown(async () => {
    await service.close()
    await store.close()
  })
  return { store, service, clock }
}

async function refused (work: Promise<unknown>): Promise<GatewayError> {
  const error: unknown = await work.then(() => null, (thrown: unknown) => thrown)
  if (!(error instanceof GatewayError)) throw new Error('expected a refusal', { cause: error })
  return error
}

await t.test('authenticates by key, and forgets within the fresh time', async t => {
  const { store, service, clock } = open(t, { keyFreshMs: 0 })
  const { secret, key } = await makeAccount(store, {}, {})
  t.equal((await service.authenticate(secret))?.key.id, key.id)
  t.equal(await service.authenticate('gbx_short'), null)
  t.equal(await service.authenticate(`gbx_${'a'.repeat(43)}`), null)
  t.equal(hashOfBearer('sk-something'), null)
  t.equal((await updateKey(store, key.id, { expiresAtMs: noon + 1 })).version, 2)
  t.ok(await service.authenticate(secret))
  clock.nowMs += 1
  t.equal(await service.authenticate(secret), null, 'expired')
  t.notMatch(JSON.stringify(await store.listKeys()), secret)
})

await t.test('holds the worst case, charges what was used', async t => {
  const { store, service } = open(t)
  const account = await makeAccount(store, { nanoUsdPerDay: 1000, requestsPerMinute: 5, inputTokensPerMinute: 100 })
  const admission = await service.admit(askFor(account, { maxOutputTokens: 400 }))
  t.equal(admission.estimate.worstNanoUsd, 410)
  t.equal(await service.budgetShare(account), 0.41)
  t.match(admission.rates, { requests: { limit: 5, remaining: 4 }, inputTokens: { limit: 100, remaining: 90 }, outputTokens: null })
  const settlement = await service.settle(admission, used(10, 25))
  t.same(settlement, { costNanoUsd: 35, totalNanoUsd: 35, isRecorded: true })
  t.equal(await service.budgetShare(account), 0.035)
  t.same(await service.settle(admission, used(10, 300)), settlement, 'once')
  await service.release(admission)
  t.match(await ledgerOf(store), [{ keyId: account.key.id, orgId: 'acme', tier: 'flash', reason: 'default', worker: 'w1', checkpoint: 'flash-mini', costNanoUsd: 35, outcome: 'completed', admittedAtMs: noon }])
  const second = await service.admit(askFor(account))
  t.equal(second.rates.requests?.remaining, 3, 'headers fall')
  await service.release(second)
  t.equal((await service.admit(askFor(account))).rates.requests?.remaining, 3, 'released: as if it had not come')
  t.same(await checkCounters(store, noon), [])
})

await t.test('names the limit that refuses, and how long to wait', async t => {
  const { store, service, clock } = open(t, { reservationTtlMs: 600_000 })
  const account = await makeAccount(store, { requestsPerMinute: 1, concurrency: { flash: 1 } })
  const admission = await service.admit(askFor(account))
  await service.settle(admission, used(10, 1))
  const error = await refused(service.admit(askFor(account)))
  t.ok(error instanceof LimitError)
  t.match(error, { code: 'rate_limit_exceeded', limit: 'requests-per-minute', scope: 'key', retryAfterMs: 60_000, rates: { requests: { limit: 1, remaining: 0, resetMs: 60_000 } } })
  t.match(error.message, /requests-per-minute is 1, 0 left/)
  clock.nowMs += 60_000
  await service.admit(askFor(account))
  clock.nowMs += 60_000
  const busy = await refused(service.admit(askFor(account)))
  t.match(busy, { code: 'rate_limit_exceeded', limit: 'concurrency', retryAfterMs: 1000 })
  await service.admit(askFor(account, { tier: 'pro' })).then(admitted => service.settle(admitted, used(1, 1)))
})

await t.test('a budget refuses with 402, on the organisation too, and starts anew with its month', async t => {
  const { store, service, clock } = open(t)
  await setOrgLimits(store, 'acme', { nanoUsdPerMonth: 100 })
  const account = await makeAccount(store, { requestsPerMinute: 1 })
  clock.nowMs = Date.parse('2026-11-30T23:59:59.500Z')
  const first = await service.admit(askFor(account, { promptTokens: 90, maxOutputTokens: 10 }))
  const error = await refused(service.admit(askFor(account)))
  t.match(error, { code: 'insufficient_quota', status: 402, isRetryable: false, limit: 'usd-per-month', scope: 'org', retryAfterMs: null })
  t.match(error.message, /2026-12-01T00:00:00\.000Z/)
  clock.nowMs = Date.parse('2026-12-01T00:01:00Z')
  const second = await service.admit(askFor(account, { promptTokens: 60, maxOutputTokens: 10 }))
  await service.settle(first, used(90, 10))
  await service.settle(second, used(60, 5))
  t.same([...(await store.listTallies('usd:2026-11:org')).values()], [{ spent: 100n, held: 0n }], 'counted in the month of its admission')
  t.same([...(await store.listTallies('usd:2026-12:org')).values()], [{ spent: 65n, held: 0n }])
  t.same([await checkCounters(store, Date.parse('2026-11-15')), await checkCounters(store, clock.nowMs)], [[], []])
})

await t.test('a price change does not touch a request at work', async t => {
  const priceBook = priceBookSchema.parse({
    rows: ['flash', 'pro'].flatMap(tier => [
      { from: '2026-01-01T00:00:00Z', tier, offPeak: { hit: '0', miss: '0.001', output: '0.001' } },
      { from: '2026-11-24T12:00:01Z', tier, offPeak: { hit: '0', miss: '0.1', output: '0.1' } }
    ])
  })
  const { store, service, clock } = open(t, { priceBook })
  const account = await makeAccount(store, {})
  const admission = await service.admit(askFor(account))
  clock.nowMs += 5000
  t.equal((await service.settle(admission, used(10, 10))).costNanoUsd, 20)
  t.equal((await service.settle(await service.admit(askFor(account)), used(10, 10))).costNanoUsd, 2000)
})

await t.test('rules of a key', async t => {
  const { store, service } = open(t)
  const account = await makeAccount(store, { inputTokensPerMinute: 50 }, { allowedTiers: ['flash'], ceilingNanoUsdPerRequest: 40 })
  t.match(await refused(service.admit(askFor(account, { tier: 'pro' }))), { code: 'tier_not_allowed' })
  t.match(await refused(service.admit(askFor(account, { maxOutputTokens: 31 }))), { code: 'cost_ceiling_exceeded' })
  t.match(await refused(service.admit(askFor(account, { maxNanoUsd: 19 }))), { code: 'cost_ceiling_exceeded' })
  t.match(await refused(service.admit(askFor(account, { promptTokens: 51, maxOutputTokens: 0, maxNanoUsd: 1000, account: { ...account, key: { ...account.key, rules: { ...account.key.rules, ceilingNanoUsdPerRequest: null } } } }))), { code: 'request_exceeds_limit', status: 429, isRetryable: false })
  await service.admit(askFor(account))
})

await t.test('one entry per attempt; what delivered nothing costs nothing', async t => {
  const { store, service } = open(t)
  const account = await makeAccount(store, { nanoUsdPerDay: 10_000 })
  const admission = await service.admit(askFor(account, { tier: 'pro', requestId: 'cascade' }))
  t.equal(service.recordAttempt(admission, { ...used(10, 4), outcome: 'superseded', tier: 'flash', reason: 'cascade' }), 14)
  t.equal(service.recordAttempt(admission, { ...used(10, 4), outcome: 'failed' }), 0)
  t.same(await service.settle(admission, used(10, 6)), { costNanoUsd: 16, totalNanoUsd: 30, isRecorded: true })
  t.match(await ledgerOf(store), [
    { attempt: 1, tier: 'flash', reason: 'cascade', outcome: 'superseded', costNanoUsd: 14, requestId: 'cascade' },
    { attempt: 2, tier: 'pro', outcome: 'failed', costNanoUsd: 0, completionTokens: 4 },
    { attempt: 3, tier: 'pro', outcome: 'completed', costNanoUsd: 16 }
  ])
  t.match(await usageBy(store, { fromMs: 0, toMs: noon + 1 }, ['tier']), [
    { group: { tier: 'flash' }, attempts: 1, costNanoUsd: 14n },
    { group: { tier: 'pro' }, attempts: 2, costNanoUsd: 16n }
  ])
  t.same(await checkCounters(store, noon), [])
})

await t.test('a client that leaves and a stream cut off pay for what was delivered', async t => {
  const { store, service } = open(t)
  const account = await makeAccount(store, { nanoUsdPerDay: 1000 })
  const left = await service.settle(await service.admit(askFor(account)), { ...used(10, 3), outcome: 'cancelled' })
  const cut = await service.settle(await service.admit(askFor(account)), { ...used(10, 2), outcome: 'cut' })
  t.same([left.costNanoUsd, cut.costNanoUsd], [13, 12])
  t.equal(await service.budgetShare(account), 0.025)
})

await t.test('learns how long answers are, so that a small budget is not blocked by a large max_tokens', async t => {
  const { store, service } = open(t)
  const account = await makeAccount(store, { nanoUsdPerDay: 5000 })
  const large = askFor(account, { maxOutputTokens: 100_000 })
  for (let index = 0; index < 6; index++) await service.settle(await service.admit(large), used(10, 20))
  const admission = await service.admit(large)
  t.equal(admission.estimate.expectedOutputTokens, 20)
  t.match(await refused(service.admit(large)), { code: 'insufficient_quota' }, 'the one at work might still take everything')
  await service.settle(admission, used(10, 20))
  await service.admit(large)
})

await t.test('without keys the ledger still counts', async t => {
  const { store, service } = open(t)
  await service.settle(await service.admit(askFor(anonymousAccount())), used(5, 5, null))
  t.match(await ledgerOf(store), [{ keyId: 'local', cachedTokens: 0, costNanoUsd: 10 }])
  t.equal(await service.budgetShare(anonymousAccount()), null)
})

await t.test('a stranger\'s admission is a defect, not a charge', async t => {
  const { store, service } = open(t)
  const other = open(t)
  const admission = await other.service.admit(askFor(await makeAccount(store, {})))
  t.throws(() => service.settle(admission, used(1, 1)), TypeError)
})

await t.test('closing waits for what is being settled', async t => {
  const { store, service } = open(t, { lastSettlementsMs: 60_000 })
  const admission = await service.admit(askFor(await makeAccount(store, {})))
  const closed = service.close()
  await service.settle(admission, used(10, 5))
  await closed
  t.match(await ledgerOf(store), [{ outcome: 'completed' }])
})

await t.test('limits of an organisation that two change at the same time are both kept', async t => {
  const { store } = open(t)
  await Promise.all([
    setOrgLimits(store, 'acme', { nanoUsdPerDay: 5 }),
    setOrgLimits(store, 'acme', { requestsPerMinute: 6 }),
    setOrgLimits(store, 'acme', { concurrency: { pro: 1 } }),
    setOrgLimits(store, 'acme', { concurrency: { flash: 2 } })
  ])
  t.match(await store.findOrg('acme'), { version: 4, limits: { nanoUsdPerDay: 5, requestsPerMinute: 6, concurrency: { pro: 1, flash: 2 } } })
})

await t.test('rules and limits of a key likewise', async t => {
  const { store } = open(t)
  const { key } = await makeAccount(store, { nanoUsdPerDay: 5 }, { effortCap: 'low' })
  await Promise.all([
    updateKey(store, key.id, { rules: { atPeak: 'flash' } }),
    updateKey(store, key.id, { rules: { defaultTier: 'pro' }, limits: { requestsPerMinute: 6 } })
  ])
  t.match(await store.findKey(key.id), { rules: { effortCap: 'low', atPeak: 'flash', defaultTier: 'pro' }, limits: { nanoUsdPerDay: 5, requestsPerMinute: 6 } })
})
