/** Flash first, Pro when a check fails: one answer for the client, both costs in the ledger. */
import OpenAI from 'openai'
import t from 'tap'
import { AccountService } from '../../src/accounts/account-service.js'
import type { LedgerEntry } from '../../src/stores/ledger-entry.js'
import { SqliteStore } from '../../src/stores/sqlite-store.js'
import { ledgerOf, makeAccount, tokenPrices } from '../accounts/test-accounts.js'
import { says, startGateway, testPolicy, type GatewayOptions, type Teardown } from '../http/start-gateway.js'

const hello = { model: 'auto', messages: [{ role: 'user' as const, content: 'Say it in json' }], reasoning_effort: 'none' as const }
const toolText = (name: string, parameters: string) => `\n\n<｜DSML｜tool_calls>\n<｜DSML｜invoke name="${name}">\n${parameters}</｜DSML｜invoke>\n</｜DSML｜tool_calls>`
const tools = [{ type: 'function' as const, function: { name: 'look', parameters: { type: 'object', properties: { at: { type: 'string' } }, required: ['at'] } } }]

async function start (t: Teardown, texts: { flash: string, pro: string }, { cascade = {}, limits = {}, ...options }: GatewayOptions & { cascade?: object, limits?: object } = {}) {
  const store = new SqliteStore({ path: ':memory:' })
  const accounts = new AccountService({ store, priceBook: tokenPrices })
  const { secret } = await makeAccount(store, limits, { cascade: true })
  const gateway = await startGateway(t, { ...options, accounts, answer: job => says(texts[job.tier])(job), settings: { policy: { ...testPolicy, cascade: { ...testPolicy.cascade, ...cascade } } } })
  t.after(async () => {
    await accounts.close()
    await store.close()
  })
  const ledger = async (): Promise<LedgerEntry[]> => await ledgerOf(store)
  return { ...gateway, sdk: gateway.sdk({ apiKey: secret }), ledger }
}

const nanoUsdOf = (response: Response): number => Math.round(Number(response.headers.get('x-gearbox-cost-usd')) * 1e9)

await t.test('a good answer of flash is kept, and nothing of the check is seen', async t => {
  const { sdk, ledger, jobs } = await start(t, { flash: '{"a": 1}', pro: '{"b": 2}' })
  const { data, response } = await sdk.chat.completions.create({ ...hello, response_format: { type: 'json_object' } }).withResponse()
  t.equal(data.choices[0]?.message.content, '{"a": 1}')
  t.equal(data.choices[0]?.logprobs, null, 'asked for by the gateway, not by the client')
  t.equal(response.headers.get('x-gearbox-tier-reason'), 'cascade-kept')
  t.equal(response.headers.get('x-gearbox-tier'), 'flash')
  t.strictSame(jobs.map(({ tier }) => tier), ['flash'])
  const entries = await ledger()
  t.match(entries, [{ tier: 'flash', reason: 'cascade-kept', outcome: 'completed', costNanoUsd: nanoUsdOf(response) }])
})

const failures: Array<[reason: string, flash: string, pro: string, fields: object]> = [
  ['cascade-schema', 'no json at all', '{"b": 2}', { response_format: { type: 'json_object' } }],
  ['cascade-empty', ' \n', 'Something.', {}],
  ['cascade-tool-call', toolText('search', ''), toolText('look', '<｜DSML｜parameter name="at" string="true">me</｜DSML｜parameter>\n'), { tools }],
  ['cascade-tool-call', toolText('look', ''), 'No need to look.', { tools }]
]
for (const [reason, flash, pro, fields] of failures) {
  await t.test(`${reason}: ${JSON.stringify(flash.slice(0, 60))}`, async t => {
    const { sdk, ledger, jobs } = await start(t, { flash, pro })
    const { data, response } = await sdk.chat.completions.create({ ...hello, ...fields }).withResponse()
    t.equal(response.headers.get('x-gearbox-tier'), 'pro')
    t.equal(response.headers.get('x-gearbox-tier-reason'), reason)
    t.equal(response.headers.get('x-gearbox-checkpoint'), 'pro-simulated')
    t.equal(data.model, 'deepseek-v4-pro')
    t.ok(data.choices[0]?.message.content || data.choices[0]?.message.tool_calls)
    t.strictSame(jobs.map(({ tier }) => tier), ['flash', 'pro'])
    const entries = await ledger()
    t.match(entries, [{ attempt: 1, tier: 'flash', reason: 'cascade', outcome: 'superseded' }, { attempt: 2, tier: 'pro', reason, outcome: 'completed' }])
    t.equal(entries.reduce((sum, entry) => sum + entry.costNanoUsd, 0), nanoUsdOf(response), 'both are paid')
    t.equal(entries[1]?.completionTokens, data.usage?.completion_tokens, 'usage is that of the answer')
  })
}

await t.test('low confidence sends it to pro, and a stream is one stream', async t => {
  const { sdk } = await start(t, { flash: 'Perhaps.', pro: 'Certainly.' }, { cascade: { minMeanLogprob: -0.0001 } })
  const { data: stream, response } = await sdk.chat.completions.create({ ...hello, stream: true }).withResponse()
  let text = ''
  const models = new Set<string>()
  for await (const chunk of stream) {
    text += chunk.choices[0]?.delta.content ?? ''
    models.add(chunk.model)
  }
  t.equal(text, 'Certainly.')
  t.strictSame([...models], ['deepseek-v4-pro'])
  t.equal(response.headers.get('x-gearbox-tier-reason'), 'cascade-low-confidence')
})

await t.test('held out requests go straight to a tier; a named tier never cascades; the budget covers both attempts', async t => {
  const { sdk } = await start(t, { flash: ' ', pro: 'Yes.' }, { cascade: { holdoutShare: 1 } })
  const reasons = new Set<string | null>()
  for (let count = 0; count < 6; count++) reasons.add((await sdk.chat.completions.create(hello).withResponse()).response.headers.get('x-gearbox-tier-reason'))
  t.strictSame([...reasons], ['cascade-holdout'])
  t.equal((await sdk.chat.completions.create({ ...hello, model: 'deepseek-v4-flash' }).withResponse()).response.headers.get('x-gearbox-tier-reason'), 'pinned-by-model')

  const poor = await start(t, { flash: ' ', pro: 'Yes.' }, { limits: { nanoUsdPerDay: 150 } })
  const error = await poor.sdk.chat.completions.create({ ...hello, max_tokens: 100 }).catch((thrown: unknown) => thrown)
  t.ok(error instanceof OpenAI.APIError && error.status === 402, 'one attempt would fit, two do not')
})

await t.test('a first attempt that fails is the request\'s failure, and nothing is owed', async t => {
  const { sdk, ledger } = await start(t, { flash: 'x', pro: 'y' }, { simulator: { faults: [{ kind: 'fail', afterTokens: 0, event: { code: 'out-of-memory', message: 'simulated', blame: 'worker', retryable: false } }] } })
  await t.rejects(sdk.chat.completions.create(hello), { status: 502, code: 'worker_failed' })
  t.match(await ledger(), [{ outcome: 'failed', costNanoUsd: 0, tier: 'flash' }])
})
