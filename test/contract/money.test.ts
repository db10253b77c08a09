/** What a key owes and may, seen by official SDKs: every way an answer can end, every refusal, and the ledger after it. */
import Anthropic from '@anthropic-ai/sdk'
import OpenAI from 'openai'
import t from 'tap'
import { AccountService } from '../../src/accounts/account-service.js'
import { GatewayError } from '../../src/errors.js'
import type { LedgerEntry } from '../../src/stores/ledger-entry.js'
import { SqliteStore } from '../../src/stores/sqlite-store.js'
import { ledgerOf, makeAccount, tokenPrices } from '../accounts/test-accounts.js'
import { endless, says, startGateway, type GatewayOptions, type Teardown } from '../http/start-gateway.js'

const hello = { model: 'deepseek-v4-flash', messages: [{ role: 'user' as const, content: 'Hello' }], reasoning_effort: 'none' as const }

async function start (t: Teardown, { limits = {}, rules = {}, ...options }: GatewayOptions & { limits?: object, rules?: object } = {}) {
  const store = new SqliteStore({ path: ':memory:' })
  const accounts = new AccountService({ store, priceBook: tokenPrices, reservationTtlMs: 600_000 })
  const { secret, key } = await makeAccount(store, limits, rules)
  const gateway = await startGateway(t, { ...options, accounts })
  t.after(async () => {
    await accounts.close()
    await store.close()
  })
  const ledger = async (): Promise<LedgerEntry[]> => await ledgerOf(store)
  /** Answers end before their last word is settled when the client is gone; waits for that, not for time. */
  const settled = async (): Promise<LedgerEntry[]> => {
    await accounts.close()
    return await ledger()
  }
  return { ...gateway, sdk: gateway.sdk({ apiKey: secret }), sdkFor: gateway.sdk, secret, keyId: key.id, store, accounts, ledger, settled }
}

await t.test('a whole answer: cost in the header, in usage when asked for, and in the ledger', async t => {
  const { sdk, ledger, keyId } = await start(t, { answer: says('Hello there.') })
  const { data, response } = await sdk.chat.completions.create({ ...hello, usage: { include: true } } as typeof hello).withResponse()
  const { total_tokens: total = 0 } = data.usage ?? {}
  t.equal(response.headers.get('x-gearbox-cost-usd'), `0.${String(total).padStart(9, '0')}`)
  t.equal((data.usage as { cost?: number }).cost, total / 1e9)
  const [entry, ...others] = await ledger()
  t.match(entry, { keyId, orgId: 'acme', attempt: 1, tier: 'flash', reason: 'pinned-by-model', outcome: 'completed', worker: 'flash-0', checkpoint: 'flash-simulated', promptTokens: data.usage?.prompt_tokens, completionTokens: data.usage?.completion_tokens, costNanoUsd: total })
  t.equal(others.length, 0)

  const plain = await sdk.chat.completions.create(hello)
  t.notOk('cost' in (plain.usage ?? {}), 'not asked for, not told')
})

await t.test('every dialect says what it cost when asked, in one piece and in a stream, and refuses what would cost more', async t => {
  const { url, secret, ledger } = await start(t, { answer: says('Hello there.') })
  const said = { thinking: { type: 'disabled' }, reasoning: { effort: 'none' } }
  const dialects: Array<[path: string, body: object]> = [
    ['/v1/chat/completions', { ...hello }],
    ['/v1/completions', { prompt: 'Hello' }],
    ['/v1/responses', { input: 'Hello', ...said }],
    ['/v1/messages', { messages: hello.messages, max_tokens: 100, ...said }]
  ]
  const post = async (path: string, body: object): Promise<string> => {
    const response = await fetch(url + path, { method: 'POST', headers: { 'content-type': 'application/json', 'x-api-key': secret }, body: JSON.stringify({ model: 'deepseek-v4-flash', ...body }) })
    return `${response.status} ${await response.text()}`
  }
  const costsIn = (text: string): number[] => [...text.matchAll(/"cost":([\d.e-]+)/g)].map(([, cost]) => Number(cost))
  for (const [path, body] of dialects) {
    const usage = { usage: { include: true } }
    const [whole] = costsIn(await post(path, { ...body, ...usage }))
    t.equal(whole, ((await ledger()).at(-1)?.costNanoUsd ?? 0) / 1e9, path)
    t.equal(costsIn(await post(path, { ...body, ...usage, stream: true })).at(-1), ((await ledger()).at(-1)?.costNanoUsd ?? 0) / 1e9, `${path}, streamed`)
    t.same(costsIn(await post(path, body)), [], 'not asked for, not told')
    t.match(await post(path, { ...body, max_cost_usd: 1e-9 }), /^402 .*cost/)
  }
})

await t.test('a stream: the last chunk says what it cost, after it was settled', async t => {
  const { sdk, ledger } = await start(t, { answer: says('Hello there.') })
  let cost: number | undefined
  let total = 0
  for await (const chunk of await sdk.chat.completions.create({ ...hello, stream: true, usage: { include: true } } as typeof hello & { stream: true })) {
    cost = (chunk.usage as { cost?: number } | null)?.cost ?? cost
    total = chunk.usage?.total_tokens ?? total
    if (cost !== undefined) t.equal((await ledger()).length, 1)
  }
  t.equal(cost, total / 1e9)
  t.equal((await ledger())[0]?.costNanoUsd, total)
})

await t.test('a client that leaves in mid-stream owes what was read and written until then', async t => {
  const { source, stopped } = endless('On and on')
  const { sdk, settled } = await start(t, { answer: source })
  for await (const chunk of await sdk.chat.completions.create({ ...hello, stream: true })) {
    if (chunk.choices[0]?.delta.content) break
  }
  await stopped
  const entries = await settled()
  t.match(entries, [{ outcome: 'cancelled', tier: 'flash' }])
  t.equal(entries.length, 1)
  t.ok((entries[0]?.completionTokens ?? 0) > 0)
  t.equal(entries[0]?.costNanoUsd, (entries[0]?.promptTokens ?? 0) + (entries[0]?.completionTokens ?? 0))
})

await t.test('a client that leaves a whole answer likewise', async t => {
  const { source, stopped } = endless('On and on')
  const { sdk, settled, engines } = await start(t, { answer: source })
  const leave = new AbortController()
  const asked = sdk.chat.completions.create(hello, { signal: leave.signal })
  const began = new Promise<void>(resolve => {
    const look = (): void => { if (engines.flash.load().running === 1) resolve(); else setImmediate(look) }
    look()
  })
  await Promise.race([began, asked])
  leave.abort()
  t.type(await asked.catch((error: unknown) => error), OpenAI.APIUserAbortError)
  await stopped
  t.match(await settled(), [{ outcome: 'cancelled' }])
})

await t.test('a worker that fails: before text nothing is owed, after text what was sent', async t => {
  const broken = (afterTokens: number) => ({ simulator: { faults: [{ kind: 'fail' as const, afterTokens, event: { code: 'rank-died', message: 'simulated', blame: 'worker' as const, retryable: false } }] } })
  await t.test('before', async t => {
    const { sdk, ledger } = await start(t, broken(0))
    await t.rejects(sdk.chat.completions.create(hello), { status: 502, code: 'worker_failed' })
    t.match(await ledger(), [{ outcome: 'failed', costNanoUsd: 0, promptTokens: 0, completionTokens: 0, worker: 'flash-0' }])
  })
  await t.test('after', async t => {
    const { sdk, ledger } = await start(t, { ...broken(2), answer: says('Hello there, dear friend.') })
    const read = async (): Promise<void> => { for await (const chunk of await sdk.chat.completions.create({ ...hello, stream: true })) t.ok(chunk) }
    await t.rejects(read())
    const entries = await ledger()
    t.match(entries, [{ outcome: 'cut', completionTokens: 2 }])
    t.equal(entries[0]?.costNanoUsd, (entries[0]?.promptTokens ?? 0) + 2)
  })
  await t.test('after, but the client was to get it whole', async t => {
    const { sdk, ledger } = await start(t, broken(2))
    await t.rejects(sdk.chat.completions.create(hello), { status: 502, code: 'worker_failed' })
    t.match(await ledger(), [{ outcome: 'failed', costNanoUsd: 0 }])
  })
})

await t.test('a retry has an entry of its own, and its tokens are counted once', async t => {
  const { sdk, ledger } = await start(t, { simulator: { faults: [{ kind: 'fail', afterTokens: 0, onAttempt: 1, event: { code: 'out-of-memory', message: 'simulated', blame: 'worker', retryable: true } }] } })
  const { usage } = await sdk.chat.completions.create(hello)
  t.match(await ledger(), [
    { attempt: 1, outcome: 'failed', promptTokens: 0, completionTokens: 0, costNanoUsd: 0 },
    { attempt: 2, outcome: 'completed', costNanoUsd: usage?.total_tokens }
  ])
})

await t.test('a gateway that stops: what was sent is owed', async t => {
  const stopping = new AbortController()
  const { source } = endless('On and on')
  const { sdk, settled } = await start(t, { answer: source, stopping: stopping.signal })
  const read = async (): Promise<void> => {
    for await (const chunk of await sdk.chat.completions.create({ ...hello, stream: true })) {
      if (chunk.choices[0]?.delta.content) stopping.abort(new GatewayError('server_draining', 'The server is shutting down, please retry'))
    }
  }
  await t.rejects(read(), { code: 'server_draining' })
  t.match(await settled(), [{ outcome: 'cut' }])
})

await t.test('limits fall truthfully, refuse with their name, and say when to come back', async t => {
  const { sdk, secret, url, ledger } = await start(t, { limits: { requestsPerMinute: 2, inputTokensPerMinute: 1000, concurrency: { pro: 0, flash: null } } })
  const { response } = await sdk.chat.completions.create(hello).withResponse()
  t.equal(response.headers.get('x-ratelimit-limit-requests'), '2')
  t.equal(response.headers.get('x-ratelimit-remaining-requests'), '1')
  t.ok(Number(response.headers.get('x-ratelimit-remaining-tokens')) < 1000)

  await t.test('concurrency', async t => {
    const error = await sdk.chat.completions.create({ ...hello, model: 'deepseek-v4-pro' }).catch((thrown: unknown) => thrown)
    if (!(error instanceof OpenAI.RateLimitError)) throw new Error('not a RateLimitError')
    t.match(error.message, /concurrency is limited to 0/)
    t.equal(error.headers.get('x-should-retry'), 'true')
  })
  await t.test('requests per minute, in Anthropic\'s dialect', async t => {
    const anthropic = new Anthropic({ baseURL: url, apiKey: secret, maxRetries: 0 })
    const ask = { model: 'claude-sonnet-4', max_tokens: 10, messages: hello.messages }
    const { response } = await anthropic.messages.create(ask).withResponse()
    t.equal(response.headers.get('anthropic-ratelimit-requests-remaining'), '0')
    const error = await anthropic.messages.create(ask).catch((thrown: unknown) => thrown)
    if (!(error instanceof Anthropic.RateLimitError)) throw new Error('not a RateLimitError')
    t.equal(error.headers.get('anthropic-ratelimit-requests-remaining'), '0')
  })
  await t.test('requests per minute', async t => {
    const error = await sdk.chat.completions.create(hello).catch((thrown: unknown) => thrown)
    if (!(error instanceof OpenAI.RateLimitError)) throw new Error('not a RateLimitError')
    t.match(error.message, /requests-per-minute is 2, 0 left/)
    t.equal(error.code, 'rate_limit_exceeded')
    t.equal(error.headers.get('x-ratelimit-remaining-requests'), '0')
    const seconds = Number(error.headers.get('retry-after'))
    t.ok(seconds > 0 && seconds <= 60)
  })
  t.equal((await ledger()).length, 2)
})

await t.test('money is 402 and not retried; a tier that is not allowed is 403', async t => {
  const { sdk, sdkFor, secret, ledger } = await start(t, { limits: { nanoUsdPerDay: 5 }, rules: { allowedTiers: ['flash'] } })
  const refusal = async (fields: object, headers: Record<string, string> = {}): Promise<InstanceType<typeof OpenAI.APIError>> => {
    const error: unknown = await sdkFor({ apiKey: secret, maxRetries: 2, defaultHeaders: headers }).chat.completions.create({ ...hello, ...fields }).catch((thrown: unknown) => thrown)
    if (error instanceof OpenAI.APIError) return error
    throw new Error('the call was answered')
  }
  const budget = await refusal({})
  t.match(budget, { status: 402, code: 'insufficient_quota', type: 'insufficient_quota' })
  t.equal(budget.headers?.get('x-should-retry'), 'false')
  t.match(budget.message, /usd-per-day/)
  t.match(await refusal({ max_cost_usd: 0.000000001 }), { status: 402, code: 'cost_ceiling_exceeded' })
  t.match(await refusal({}, { 'x-gearbox-max-cost-usd': '0.000000001' }), { status: 402, code: 'cost_ceiling_exceeded' })
  t.match(await refusal({}, { 'x-gearbox-max-cost-usd': 'cheap' }), { status: 400, code: 'invalid_value' })
  const forbidden = await refusal({ model: 'deepseek-v4-pro' })
  t.equal(forbidden.constructor, OpenAI.PermissionDeniedError)
  t.match(forbidden, { status: 403, code: 'tier_not_allowed' })
  await t.rejects(sdkFor({ apiKey: `gbx_${'a'.repeat(43)}` }).models.list(), { status: 401, code: 'invalid_api_key' })
  await t.rejects(sdk.chat.completions.create(hello), { status: 402, code: 'insufficient_quota' })
  t.equal((await ledger()).length, 0)
})

await t.test('a conversation stays on its tier, a key\'s default and cap hold, and each says why', async t => {
  const { sdk } = await start(t, { answer: says('</think>Fine.'), rules: { defaultTier: 'pro', effortCap: 'high' } })
  const decided = async (fields: object, headers: Record<string, string> = {}) => {
    const { response } = await sdk.chat.completions.create({ ...hello, ...fields, model: 'auto' }, { headers }).withResponse()
    return ['tier', 'tier-reason', 'effort', 'effort-reason'].map(name => response.headers.get(`x-gearbox-${name}`))
  }
  const question = { role: 'user', content: 'How are you?' }
  t.strictSame(await decided({ messages: [question] }), ['pro', 'default', 'none', 'asked-by-body'])
  t.strictSame(await decided({ messages: [question], reasoning_effort: 'max' }), ['pro', 'default', 'high', 'capped-by-key'])
  const other = { role: 'user', content: 'Another one' }
  t.strictSame(await decided({ messages: [other] }, { 'x-gearbox-tier': 'flash' }), ['flash', 'asked-by-header', 'none', 'asked-by-body'])
  t.strictSame(await decided({ messages: [other, { role: 'assistant', content: 'Fine.' }, question] }), ['flash', 'conversation', 'none', 'asked-by-body'])
  t.strictSame(await decided({ messages: [question, { role: 'assistant', content: 'Fine.' }, question] }), ['pro', 'conversation', 'none', 'asked-by-body'])
})

await t.test('priority: as far as the key may, and the answer says how far', async t => {
  const plain = await start(t)
  const urgent = await start(t, { rules: { maxPriority: 50 } })
  const asked = async ({ sdk, jobs }: typeof plain, priority?: string): Promise<[string | null, number | undefined]> => {
    const { response } = await sdk.chat.completions.create(hello, { headers: priority === undefined ? {} : { 'x-gearbox-priority': priority } }).withResponse()
    return [response.headers.get('x-gearbox-priority'), jobs.at(-1)?.priority]
  }
  t.strictSame(await asked(plain), [null, undefined])
  t.strictSame(await asked(plain, '-7'), ['-7', -7])
  t.strictSame(await asked(plain, '7'), ['0', undefined])
  t.strictSame(await asked(urgent, '7'), ['7', 7])
  t.strictSame(await asked(urgent, '100'), ['50', 50])
  const texts = await urgent.sdk.completions.create({ model: 'deepseek-v4-flash', prompt: 'Once' }, { headers: { 'x-gearbox-priority': '-3' } }).withResponse()
  t.strictSame([texts.response.headers.get('x-gearbox-priority'), urgent.jobs.at(-1)?.priority], ['-3', -3])
  for (const refused of ['urgent', '101', '1.5', '-101', '1e1']) {
    await t.rejects(asked(plain, refused), { status: 400, code: 'invalid_value', param: 'x-gearbox-priority', message: /whole number from -100 to 100/ })
  }
})
