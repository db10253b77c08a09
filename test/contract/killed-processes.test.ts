/**
 * Two gateways, three workers and a Redis, each a process, killed with SIGKILL at points drawn by chance while clients go on asking:
 * what any client was told that it costs is what the ledger says, to the nano-dollar, and nothing is written that nobody asked for.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import OpenAI from 'openai'
import t from 'tap'
import { AccountService } from '../../src/accounts/account-service.js'
import { checkCounters } from '../../src/accounts/ledger.js'
import { RedisStore } from '../../src/stores/redis-store.js'
import { ledgerOf, makeAccount } from '../accounts/test-accounts.js'
import { hasRedis, startRedis, withoutRedis } from '../stores/start-redis.js'
import { startPool, type Restartable } from './process-pool.js'

const clients = 8
const kills = 8
const mostAsks = 4000
const tokens = 24

/** One nano-dollar per token, so that costs are counts. */
const nano = { hit: '0.001', miss: '0.001', output: '0.001' }
const prices = { rows: ['flash', 'pro'].map(tier => ({ from: '2026-01-01T00:00:00Z', tier, offPeak: nano })) }

interface Returned {
  requestId: string
  /** null: the client was told nothing of it. */
  nanoUsd: number | null
}

const leaves = (turn: number): boolean => turn % 9 === 1
const turnOf = (requestId: string): number => requestId.split('-').reduce((sum, part) => sum + Number(part), 0)

/** Streams, whole answers, and clients that leave in the middle, in turn. */
async function ask (baseURL: string, apiKey: string, requestId: string, turn: number): Promise<Returned> {
  const sdk = new OpenAI({ baseURL, apiKey, maxRetries: 0 })
  const body = { model: 'deepseek-v4-flash', messages: [{ role: 'user' as const, content: `Count, ${requestId}` }], reasoning_effort: 'none' as const, max_tokens: tokens, usage: { include: true } }
  const headers = { 'x-request-id': requestId }
  let nanoUsd: number | null = null
  const told = (usage: object | null | undefined): void => {
    const { cost } = (usage ?? {}) as { cost?: number }
    if (cost !== undefined) nanoUsd = Math.round(cost * 1e9)
  }
  try {
    if (turn % 3 === 0) {
      told((await sdk.chat.completions.create(body, { headers })).usage)
    } else {
      for await (const chunk of await sdk.chat.completions.create({ ...body, stream: true }, { headers })) {
        told(chunk.usage)
        if (leaves(turn) && chunk.choices[0]?.delta.content) break
      }
    }
  } catch (error) {
    // Refused, broken, cut off: whatever the client was told before still counts.
    if (!(error instanceof Error)) throw error
  }
  return { requestId, nanoUsd }
}

t.setTimeout(300_000)

if (!hasRedis()) {
  t.plan(0, withoutRedis)
} else {
  await t.test('gateways, workers and Redis are killed under their clients', async t => {
    const folder = mkdtempSync(join(tmpdir(), 'gearbox-killed-'))
    const redis = await startRedis()
    const clock = { aheadMs: 0 }
    const store = new RedisStore({ url: redis.url, commandTimeoutMs: 5000, breaker: { failures: 1_000_000, openMs: 0 }, clockOffsetMs: () => clock.aheadMs })
    const { secret, key } = await makeAccount(store, { nanoUsdPerMonth: 1_000_000_000, concurrency: { flash: 1000 } })
    const journalOf = (name: string): string => join(folder, `${name}.jsonl`)
    const pool = await startPool({
      folder,
      gateways: 2,
      flashWorkers: 2,
      script: { timing: { prefillTokensPerSecond: null, decodeMs: 2, decodeMsPerJob: 0 } },
      settings: {},
      settingsOf: name => ({ accounts: { store: `unix:${redis.url}`, prices, journalPath: journalOf(name), whenUnavailable: { money: 'open' } } })
    })
    t.teardown(async () => {
      await Promise.all([...pool.gateways, ...pool.workers].map(async process => { await process.end() }))
      await store.close()
      await redis.stop()
      rmSync(folder, { recursive: true })
    })

    const returned: Returned[] = []
    const told = (): number => returned.filter(({ nanoUsd }) => nanoUsd !== null).length
    const race = { isOver: false }
    const client = async (number: number): Promise<void> => {
      for (let turn = 0; turn < mostAsks && !race.isOver; turn++) {
        const gateway = pool.gateways[(number + turn) % 2]
        if (gateway !== undefined) returned.push(await ask(`${gateway.said}/v1`, secret, `${number}-${turn}`, number + turn))
      }
    }
    const all = Array.from({ length: clients }, (_, number) => client(number))

    // Not Math.random: a run that fails must fail again. What is hit, and after how many more answers.
    let state = 20261124
    const draw = (below: number): number => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0
      return (state >>> 8) % below
    }
    const restarted = async (process: Restartable): Promise<void> => {
      await process.end()
      await process.start()
    }
    const victims: Array<[name: string, kill: () => Promise<void>]> = [
      ...pool.gateways.map((gateway, index): [string, () => Promise<void>] => [`gateway ${index}`, async () => { await restarted(gateway) }]),
      ...pool.workers.slice(0, 2).map((worker, index): [string, () => Promise<void>] => [`worker ${index}`, async () => { await restarted(worker) }]),
      ['redis', async () => { await redis.kill(); await redis.restart() }]
    ]
    for (let kill = 0; kill < kills; kill++) {
      const wanted = told() + 8 + draw(16)
      while (told() < wanted && returned.length < clients * mostAsks) await new Promise(resolve => setImmediate(resolve))
      // Each once before chance has its way, so that no run leaves one out.
      const [name, strike] = victims[kill < victims.length ? kill : draw(victims.length)] ?? ['nobody', async () => {}]
      await strike()
      t.comment(`${name} was killed after ${wanted} answers`)
    }
    race.isOver = true
    await Promise.all(all)
    await Promise.all(pool.gateways.map(async gateway => { await gateway.end('SIGTERM') }))

    // What a gateway could not hand over waits in its journal for the next one; here that is this test.
    for (const name of ['gateway-0', 'gateway-1']) {
      const heir = new AccountService({ store, journalPath: journalOf(name) })
      await heir.reconcile()
      t.equal(heir.unsettled, 0)
      await heir.close()
    }
    clock.aheadMs += 120_000
    while (await store.abandonExpired() > 0) { /* in batches */ }

    const entries = await ledgerOf(store)
    const owed = new Map<string, number>()
    for (const { requestId, costNanoUsd } of entries) owed.set(requestId, (owed.get(requestId) ?? 0) + costNanoUsd)
    const toldOf = new Map(returned.flatMap(({ requestId, nanoUsd }) => nanoUsd === null ? [] : [[requestId, nanoUsd]]))
    const sum = (costs: Iterable<number>): number => [...costs].reduce((total, cost) => total + cost, 0)
    const outcomes = new Map<string, number>()
    for (const { outcome } of entries) outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
    t.comment(`${returned.length} asked, ${toldOf.size} told, ${JSON.stringify(Object.fromEntries(outcomes))}`)

    await t.test('each request owes what its client was told', async t => {
      t.ok(toldOf.size > kills * 8)
      t.strictSame([...toldOf].filter(([requestId, nanoUsd]) => owed.get(requestId) !== nanoUsd), [])
      t.equal(new Set(entries.map(({ entryId }) => entryId)).size, entries.length, 'nothing is written twice')
      const billedOnce = entries.filter(({ outcome }) => outcome === 'completed')
      t.equal(new Set(billedOnce.map(({ requestId }) => requestId)).size, billedOnce.length, 'one answer is paid once, whoever went on with it')
    })

    await t.test('the sum is that of what was returned, and of answers whose client or gateway was gone before their end', async t => {
      const untold = entries.filter(({ requestId }) => !toldOf.has(requestId))
      t.equal(sum(entries.map(({ costNanoUsd }) => costNanoUsd)), sum(toldOf.values()) + sum(untold.map(({ costNanoUsd }) => costNanoUsd)))
      const asked = new Set(returned.map(({ requestId }) => requestId))
      t.ok(entries.every(({ requestId, keyId }) => asked.has(requestId) && keyId === key.id), 'nobody pays for what nobody asked for')
      const lost = untold.filter(({ outcome }) => outcome === 'completed')
      // Whoever asked for the whole of it and was told nothing had its gateway killed under it: at most all who waited at that moment.
      t.ok(lost.filter(({ requestId }) => !leaves(turnOf(requestId))).length <= clients * kills, `${lost.length} were settled and not seen`)
      t.ok(untold.every(({ costNanoUsd, promptTokens, completionTokens, outcome }) => costNanoUsd === (outcome === 'failed' || outcome === 'abandoned' ? 0 : promptTokens + completionTokens)))
    })

    await t.test('counters agree with the ledger, and nothing is held any more', async t => {
      t.strictSame(await checkCounters(store, await store.nowMs()), [])
      t.ok([...(await store.listTallies('')).values()].every(({ held }) => held === 0n))
    })
  })
}
