/** Money while time passes under a request: its price, its day and its month are those of the moment it was admitted, by the store's clock. */
import OpenAI from 'openai'
import t, { type Test } from 'tap'
import { AccountService } from '../../src/accounts/account-service.js'
import { checkCounters } from '../../src/accounts/ledger.js'
import { priceBookSchema } from '../../src/accounts/price-book.js'
import type { LedgerEntry } from '../../src/stores/ledger-entry.js'
import { SqliteStore } from '../../src/stores/sqlite-store.js'
import type { AnswerSource } from '../../workers/engines/simulator/simulated-answer.js'
import { ledgerOf, makeAccount, tokenPrices } from '../accounts/test-accounts.js'
import { idsOf, startGateway } from '../http/start-gateway.js'

const flat = (output: string): object => ({ hit: '0.001', miss: '0.001', output })
const hello = { model: 'deepseek-v4-flash', messages: [{ role: 'user' as const, content: 'Hello' }], reasoning_effort: 'none' as const, max_tokens: 64, usage: { include: true } }

interface Travel {
  atMs: number
  /** Runs while the answer is being written: after its first word. */
  meanwhile: () => void
}

/** The second word comes when `meanwhile` has run. */
function spoken (travel: Travel): AnswerSource {
  return async function * () {
    yield idsOf('One')
    travel.meanwhile()
    yield idsOf(' two')
    yield 1
  }
}

async function start (t: Test, at: string, { priceBook = tokenPrices, limits = {}, rules = {} } = {}) {
  const travel: Travel = { atMs: Date.parse(at), meanwhile: () => {} }
  const store = new SqliteStore({ path: ':memory:', clock: () => travel.atMs })
  const accounts = new AccountService({ store, priceBook, reservationTtlMs: 600_000 })
  const { secret, key } = await makeAccount(store, limits, rules)
  const { sdk, post } = await startGateway(t, { accounts, answer: spoken(travel) })
  t.after(async () => {
    await accounts.close()
    await store.close()
  })
  const ledger = async (): Promise<LedgerEntry[]> => await ledgerOf(store)
  return { travel, store, sdk: sdk({ apiKey: secret, maxRetries: 2 }), post, secret, keyId: key.id, ledger }
}

async function streamed (sdk: OpenAI): Promise<number> {
  let nanoUsd = NaN
  for await (const chunk of await sdk.chat.completions.create({ ...hello, stream: true })) {
    const { cost } = (chunk.usage ?? {}) as { cost?: number }
    if (cost !== undefined) nanoUsd = Math.round(cost * 1e9)
  }
  return nanoUsd
}

await t.test('a price that changes under a stream changes the next one', async t => {
  const priceBook = priceBookSchema.parse({
    rows: ['flash', 'pro'].flatMap(tier => [
      { from: '2026-01-01T00:00:00Z', tier, offPeak: flat('0.001') },
      { from: '2026-11-24T12:00:00Z', tier, offPeak: flat('1') }
    ])
  })
  const { travel, sdk, ledger } = await start(t, '2026-11-24T11:59:59Z', { priceBook })
  travel.meanwhile = () => { travel.atMs = Date.parse('2026-11-24T12:00:01Z') }
  const before = await streamed(sdk)
  const after = await streamed(sdk)
  const entries = await ledger()
  t.strictSame(entries.map(({ costNanoUsd }) => costNanoUsd), [before, after])
  const [first, second] = entries
  t.equal(before, (first?.promptTokens ?? 0) + (first?.completionTokens ?? 0), 'the old price, for all of it')
  t.equal(after, (second?.promptTokens ?? 0) + (second?.completionTokens ?? 0) * 1000, 'the new one')
})

await t.test('a stream over the end of a month belongs to the month it began in', async t => {
  const { travel, store, sdk, ledger, keyId } = await start(t, '2026-11-30T23:59:59.900Z', { limits: { nanoUsdPerMonth: 100 } })
  travel.meanwhile = () => { travel.atMs = Date.parse('2026-12-01T00:00:05Z') }
  const november = await streamed(sdk)
  const december = await streamed(sdk)
  t.strictSame((await ledger()).map(({ admittedAtMs, costNanoUsd }) => [new Date(admittedAtMs).toISOString().slice(0, 7), costNanoUsd]), [['2026-11', november], ['2026-12', december]])
  for (const [month, cost] of [['2026-11', november], ['2026-12', december]] as const) {
    t.strictSame((await store.listTallies(`usd:${month}:key:${keyId}`)).get(`usd:${month}:key:${keyId}`), { spent: BigInt(cost), held: 0n })
    t.strictSame(await checkCounters(store, Date.parse(`${month}-15`)), [])
  }
})

await t.test('a budget used up is 402 at once, whatever the SDK may retry, and is there again in the next month', async t => {
  const { travel, sdk, ledger } = await start(t, '2026-11-30T20:00:00Z', { limits: { nanoUsdPerMonth: 90 } })
  const asked: number[] = []
  const counting = sdk.withOptions({ fetch: async (url, init) => { asked.push(travel.atMs); return await fetch(url, init) } })
  for (let round = 0; round < 20; round++) {
    const isRefused = await counting.chat.completions.create(hello).then(() => false, (error: unknown) => error instanceof OpenAI.APIError && error.status === 402)
    if (isRefused) break
  }
  const answered = (await ledger()).length
  t.ok(answered > 0)
  t.equal(asked.length, answered + 1, 'the refused one was asked once')
  travel.atMs = Date.parse('2026-12-01T00:00:00Z')
  await sdk.chat.completions.create(hello)
  t.equal((await ledger()).length, answered + 1)
})

await t.test('peak hours: a key that avoids them goes to flash for that time, and pays more for what it asks by name', async t => {
  const priceBook = priceBookSchema.parse({
    rows: ['flash', 'pro'].map(tier => ({ from: '2026-01-01T00:00:00Z', tier, offPeak: flat('0.001'), peak: flat('0.002') })),
    calendars: [{ from: '2026-01-01T00:00:00Z', hours: [[6, 10]], weekdays: [1, 2, 3, 4, 5], holidays: ['2026-11-25'] }]
  })
  const { travel, post, secret } = await start(t, '2026-11-24T05:59:00Z', { priceBook, rules: { defaultTier: 'pro', atPeak: 'flash' } })
  const decided = async (at: string, model = 'auto') => {
    travel.atMs = Date.parse(at)
    const response = await post({ ...hello, model, messages: [{ role: 'user', content: at }] }, { authorization: `Bearer ${secret}` })
    const { usage } = await response.json() as { usage: { prompt_tokens: number, completion_tokens: number } }
    const nanoUsd = Math.round(Number(response.headers.get('x-gearbox-cost-usd')) * 1e9)
    return [response.headers.get('x-gearbox-tier'), response.headers.get('x-gearbox-tier-reason'), (nanoUsd - usage.prompt_tokens) / usage.completion_tokens]
  }
  t.strictSame(await decided('2026-11-24T05:59:00Z'), ['pro', 'default', 1])
  t.strictSame(await decided('2026-11-24T06:00:00Z'), ['flash', 'peak-hours', 2])
  t.strictSame(await decided('2026-11-24T07:00:00Z', 'deepseek-v4-pro'), ['pro', 'pinned-by-model', 2])
  t.strictSame(await decided('2026-11-25T07:00:00Z'), ['pro', 'default', 1], 'a holiday')
  t.strictSame(await decided('2026-11-28T07:00:00Z'), ['pro', 'default', 1], 'a Saturday')
})

await t.test('at its share of the budget a key goes to flash, and says why', async t => {
  const { post, secret } = await start(t, '2026-11-24T12:00:00Z', { limits: { nanoUsdPerMonth: 500 }, rules: { defaultTier: 'pro', downgradeAtBudgetShare: 0.03 } })
  const reasons = []
  for (let round = 0; round < 5; round++) {
    const response = await post({ ...hello, model: 'auto', messages: [{ role: 'user', content: `Question ${round} of the day` }] }, { authorization: `Bearer ${secret}` })
    reasons.push([response.headers.get('x-gearbox-tier'), response.headers.get('x-gearbox-tier-reason')].join(' '))
    await response.arrayBuffer()
  }
  t.equal(reasons[0], 'pro default')
  t.equal(reasons.at(-1), 'flash budget-share')
})
