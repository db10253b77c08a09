/**
 * Two whole gateways over one real Redis, with clients that stream, read at once or leave, workers that give their jobs back and a
 * Redis that dies: what was returned to clients and what the ledger says agree to the nano-dollar.
 * (Processes that are killed are in killed-processes.test.ts.)
 */
import OpenAI from 'openai'
import t, { type Test } from 'tap'
import { AccountService } from '../../src/accounts/account-service.js'
import { checkCounters } from '../../src/accounts/ledger.js'
import type { LedgerEntry } from '../../src/stores/ledger-entry.js'
import { RedisStore } from '../../src/stores/redis-store.js'
import { ledgerOf, makeAccount, tokenPrices } from '../accounts/test-accounts.js'
import { says, startGateway } from '../http/start-gateway.js'
import { hasRedis, startRedis, withoutRedis, type TestRedis } from '../stores/start-redis.js'

const clients = 16
const asksPerClient = 5
const text = 'One two three four five six seven eight nine ten.'

interface Returned {
  requestId: string
  /** null: the client left, or was told of a failure. */
  nanoUsd: number | null
}

async function startShared (t: Test, redis: TestRedis) {
  const store = new RedisStore({ url: redis.url, prefix: 'money', commandTimeoutMs: 5000, breaker: { failures: 3, openMs: 50 } })
  // Money lets pass too while the store is away: the journal has to make up for it.
  const accounts = new AccountService({ store, priceBook: tokenPrices, whenUnavailable: { money: 'open' } })
  const gateway = await startGateway(t, { accounts, answer: says(text), simulator: { faults: [{ kind: 'fail', afterTokens: 3, onAttempt: 1, event: { code: 'queue-full', message: 'simulated', blame: 'worker', retryable: true } }] } })
  t.after(async () => {
    await accounts.close()
    await store.close()
  })
  return { gateway, accounts, store }
}

/** `turn` decides how this one behaves. */
async function ask (sdk: OpenAI, requestId: string, turn: number): Promise<Returned> {
  const body = { model: 'deepseek-v4-flash', messages: [{ role: 'user' as const, content: `Count, ${requestId}` }], reasoning_effort: 'none' as const, max_tokens: 64, usage: { include: true } }
  const headers = { 'x-request-id': requestId }
  try {
    if (turn % 3 === 0) {
      const { response } = await sdk.chat.completions.create(body, { headers }).withResponse()
      return { requestId, nanoUsd: Math.round(Number(response.headers.get('x-gearbox-cost-usd')) * 1e9) }
    }
    let nanoUsd: number | null = null
    for await (const chunk of await sdk.chat.completions.create({ ...body, stream: true }, { headers })) {
      if (turn % 3 === 1 && chunk.choices[0]?.delta.content) break
      const { cost } = (chunk.usage ?? {}) as { cost?: number }
      if (cost !== undefined) nanoUsd = Math.round(cost * 1e9)
    }
    return { requestId, nanoUsd }
  } catch (error) {
    if (error instanceof OpenAI.APIError) return { requestId, nanoUsd: null }
    throw error
  }
}

t.setTimeout(240_000)

if (!hasRedis()) {
  t.plan(0, withoutRedis)
} else {
  await t.test('what clients were told and what the ledger says agree, though Redis dies and workers give jobs back', async t => {
    const redis = await startRedis()
    t.teardown(() => redis.stop())
    const shared = [await startShared(t, redis), await startShared(t, redis)]
    const [first] = shared
    if (first === undefined) return
    const { secret, key } = await makeAccount(first.store, { nanoUsdPerMonth: 10_000_000, requestsPerMinute: 100_000 })
    const sdks = shared.map(({ gateway }) => gateway.sdk({ apiKey: secret }))

    let asked = 0
    let isRestarted: Promise<void> | null = null
    const returned: Returned[] = []
    await Promise.all(Array.from({ length: clients }, async (_, client) => {
      for (let turn = 0; turn < asksPerClient; turn++) {
        if (++asked === clients * 2) isRestarted = redis.kill().then(redis.restart)
        const sdk = sdks[(client + turn) % 2]
        if (sdk !== undefined) returned.push(await ask(sdk, `${client}-${turn}`, client + turn))
      }
    }))
    await (isRestarted as Promise<void> | null)
    for (const { accounts } of shared) {
      await accounts.close()
      while (accounts.unsettled > 0) await accounts.reconcile()
    }

    const entries = await ledgerOf(first.store)
    const owed = new Map<string, number>()
    for (const { requestId, costNanoUsd } of entries) owed.set(requestId, (owed.get(requestId) ?? 0) + costNanoUsd)
    const told = returned.filter(({ nanoUsd }) => nanoUsd !== null)
    t.ok(told.length > clients, `${told.length} of ${returned.length} were answered`)
    t.strictSame(told.filter(({ requestId, nanoUsd }) => owed.get(requestId) !== nanoUsd), [], 'each request owes what its client was told')

    const endings = (outcome: LedgerEntry['outcome']) => entries.filter(entry => entry.outcome === outcome)
    const sum = (costs: number[]) => costs.reduce((total, cost) => total + cost, 0)
    const toldIds = new Set(told.map(({ requestId }) => requestId))
    const untold = entries.filter(({ requestId }) => !toldIds.has(requestId))
    t.equal(sum(entries.map(({ costNanoUsd }) => costNanoUsd)), sum(told.map(({ nanoUsd }) => nanoUsd ?? 0)) + sum(untold.map(({ costNanoUsd }) => costNanoUsd)))
    t.ok(endings('completed').length >= told.length)
    t.ok(endings('cancelled').length + endings('completed').length >= told.length)
    t.ok(endings('failed').length >= told.length, 'each was given back once, and went on in a second attempt')
    t.equal(new Set(entries.map(({ entryId }) => entryId)).size, entries.length, 'nothing is written twice')
    t.ok(entries.every(({ keyId }) => keyId === key.id))
    t.strictSame(await checkCounters(first.store, await first.store.nowMs()), [], 'counters agree with the ledger')
  })

  await t.test('200 clients through two gateways spend no more than one budget and one reserve error', async t => {
    const redis = await startRedis()
    t.teardown(() => redis.stop())
    const shared = [await startShared(t, redis), await startShared(t, redis)]
    const [first] = shared
    if (first === undefined) return
    const budget = 1000
    const { secret } = await makeAccount(first.store, { nanoUsdPerDay: budget })
    const sdks = shared.map(({ gateway }) => gateway.sdk({ apiKey: secret }))
    const returned = await Promise.all(Array.from({ length: 200 }, async (_, index) => {
      const sdk = sdks[index % 2]
      return sdk === undefined ? null : await ask(sdk, `budget-${index}`, 0)
    }))
    const spent = returned.reduce((total, answer) => total + (answer?.nanoUsd ?? 0), 0)
    t.ok(spent > 0 && spent <= budget + 64, `${spent} of ${budget} were spent`)
    t.ok(returned.some(answer => answer?.nanoUsd === null), 'some were refused')
  })
}
