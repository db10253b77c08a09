/** Many gateways over one real Redis: budgets that hold, sums that agree, whoever is killed. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { AccountService } from '../../src/accounts/account-service.js'
import { checkCounters } from '../../src/accounts/ledger.js'
import { GatewayError } from '../../src/errors.js'
import { RedisStore } from '../../src/stores/redis-store.js'
import { hasRedis, startRedis, withoutRedis, type TestRedis } from '../stores/start-redis.js'
import { askFor, ledgerOf, makeAccount, tokenPrices, used } from './test-accounts.js'

const gatewayProcess = fileURLToPath(new URL('./gateway-process.js', import.meta.url))
let prefixes = 0

interface Gateway {
  store: RedisStore
  service: AccountService
  clock: { aheadMs: number }
}

function openGateway (t: Test, url: string, prefix: string, { commandTimeoutMs = 5000, journalPath = null as string | null } = {}): Gateway {
  const clock = { aheadMs: 0 }
  const store = new RedisStore({ url, prefix, commandTimeoutMs, breaker: { failures: 2, openMs: 300 }, clockOffsetMs: () => clock.aheadMs })
  const service = new AccountService({ store, priceBook: tokenPrices, journalPath })
  t.teardown(async () => {
    await service.close()
    await store.close()
  })
  return { store, service, clock }
}

async function holds (store: RedisStore): Promise<bigint> {
  return [...(await store.listTallies('')).values()].reduce((sum, { held }) => sum + held, 0n)
}

const sumOf = (costs: number[]): bigint => costs.reduce((sum, cost) => sum + BigInt(cost), 0n)

async function codeOf (work: Promise<unknown>): Promise<string> {
  return work.then(() => 'none', (error: unknown) => error instanceof GatewayError ? error.code : String(error))
}

async function withRedis (t: Test, body: (redis: TestRedis, prefix: string) => Promise<void>): Promise<void> {
  const redis = await startRedis()
  t.teardown(() => redis.stop())
  await body(redis, `shared-${prefixes++}`)
}

t.setTimeout(120_000)

if (!hasRedis()) {
  t.plan(0, withoutRedis)
} else {
  await t.test('200 clients through two gateways spend no more than the budget and one reserve error', t => withRedis(t, async (redis, prefix) => {
    const gateways = [openGateway(t, redis.url, prefix), openGateway(t, redis.url, prefix)]
    const [first] = gateways
    if (first === undefined) return
    const budget = 10_000
    const account = await makeAccount(first.store, { nanoUsdPerDay: budget })
    const costs: number[] = []
    let reserveError = 0
    let refusals = 0

    await Promise.all(Array.from({ length: 200 }, async (_, client) => {
      const gateway = gateways[client % 2] ?? first
      for (let index = 0; index < 8; index++) {
        try {
          const admission = await gateway.service.admit(askFor(account, { promptTokens: 20, maxOutputTokens: 1000 }))
          reserveError = Math.max(reserveError, admission.estimate.worstNanoUsd - admission.estimate.expectedNanoUsd)
          // Mostly short, now and then the longest: what an expectation gets wrong.
          const written = (client + index) % 20 === 19 ? 1000 : (client * 7 + index * 3) % 40
          costs.push((await gateway.service.settle(admission, used(20, written))).totalNanoUsd)
        } catch (error) {
          if (!(error instanceof GatewayError && error.code === 'insufficient_quota')) throw error
          refusals++
        }
      }
    }))
    t.equal(await holds(first.store), 0n)
    t.ok(Number(sumOf(costs)) <= budget + reserveError, `${sumOf(costs)} of ${budget}, reserve error ${reserveError}`)

    // Alone, nobody else's worst case is in the way.
    for (let index = 0; index < 2000; index++) {
      const code = await codeOf(first.service.admit(askFor(account, { promptTokens: 20, maxOutputTokens: 100 })).then(async admission => {
        costs.push((await first.service.settle(admission, used(20, 20))).totalNanoUsd)
      }))
      if (code === 'insufficient_quota') break
    }
    const spent = Number(sumOf(costs))
    t.ok(refusals > 0, 'the budget was reached')
    t.ok(spent <= budget + reserveError, `${spent} of ${budget}, reserve error ${reserveError}`)
    t.ok(spent > budget - 120, 'and it could be used up')
    const entries = await ledgerOf(first.store)
    t.equal(sumOf(entries.map(entry => entry.costNanoUsd)), sumOf(costs))
    t.equal(entries.length, costs.length)
    t.same(await checkCounters(first.store, await first.store.nowMs()), [])
    t.equal(await holds(first.store), 0n)
  }))

  await t.test('Redis is killed again and again: no 500, and the ledger has exactly what was returned', t => withRedis(t, async (redis, prefix) => {
    const gateways = [openGateway(t, redis.url, prefix), openGateway(t, redis.url, prefix)]
    const [first] = gateways
    if (first === undefined) return
    const paying = await makeAccount(first.store, { nanoUsdPerDay: 500_000 })
    const free = await makeAccount(first.store, { requestsPerMinute: 1_000_000 })
    const returned = new Map<string, number>()
    const codes = new Set<string>()
    const race = { isDone: false }

    const client = async (number: number): Promise<void> => {
      const gateway = gateways[number % 2] ?? first
      for (let index = 0; index < 20_000 && !race.isDone; index++) {
        const requestId = `${number}-${index}`
        try {
          const admission = await gateway.service.admit(askFor(number % 4 < 2 ? paying : free, { requestId, maxOutputTokens: 50 }))
          returned.set(requestId, (await gateway.service.settle(admission, used(10, (number + index) % 50))).totalNanoUsd)
        } catch (error) {
          codes.add(error instanceof GatewayError ? error.code : String(error))
        }
        // A refusal needs no I/O; the others must get their turn.
        await new Promise(resolve => setImmediate(resolve))
      }
    }
    const clients = Array.from({ length: 16 }, (_, number) => client(number))
    for (let kill = 0; kill < 4; kill++) {
      // At whatever point the clients are after some more answers.
      const seen = returned.size
      while (returned.size < seen + 40 + kill * 17) await new Promise(resolve => setImmediate(resolve))
      await redis.kill()
      await redis.restart()
    }
    race.isDone = true
    await Promise.all(clients)
    for (const { service } of gateways) {
      for (let attempt = 0; attempt < 500 && service.unsettled > 0; attempt++) {
        await service.reconcile()
        await new Promise(resolve => setTimeout(resolve, 10))
      }
      t.equal(service.unsettled, 0, 'reconciled')
    }
    t.same([...codes].filter(code => code !== 'accounts_unavailable'), [])
    first.clock.aheadMs += 120_000
    await first.store.abandonExpired()
    const entries = await ledgerOf(first.store)
    const settled = entries.filter(entry => entry.outcome !== 'abandoned')
    t.same(new Map(settled.map(entry => [entry.requestId, entry.costNanoUsd])), returned)
    t.equal(settled.length, returned.size, 'none twice')
    t.equal(sumOf(entries.map(entry => entry.costNanoUsd)), sumOf([...returned.values()]))
    t.same(await checkCounters(first.store, await first.store.nowMs()), [])
    t.equal(await holds(first.store), 0n)
  }))

  await t.test('gateways are killed: what clients saw is in the ledger, what was held comes back', t => withRedis(t, async (redis, prefix) => {
    const { store, clock } = openGateway(t, redis.url, prefix)
    const account = await makeAccount(store, { nanoUsdPerMonth: 1_000_000_000 })
    const returned = new Map<string, number>()
    for (let round = 0; round < 3; round++) {
      const gateway = spawn(process.execPath, [gatewayProcess, redis.url, prefix, account.secret, `gateway-${round}`], { stdio: ['ignore', 'pipe', 'inherit'] })
      const exit = once(gateway, 'exit')
      const wanted = returned.size + 50 + round * 33
      for await (const line of createInterface({ input: gateway.stdout })) {
        const { requestId, totalNanoUsd } = JSON.parse(line) as { requestId: string, totalNanoUsd: number }
        returned.set(requestId, totalNanoUsd)
        if (returned.size === wanted) gateway.kill('SIGKILL')
      }
      await exit
    }
    clock.aheadMs += 120_000
    await store.abandonExpired()
    const settled = (await ledgerOf(store)).filter(entry => entry.outcome !== 'abandoned')
    const inLedger = new Map(settled.map(entry => [entry.requestId, entry.costNanoUsd]))
    t.equal(inLedger.size, settled.length, 'none twice')
    t.same([...returned].filter(([requestId, cost]) => inLedger.get(requestId) !== cost), [], 'nothing returned is missing')
    t.ok(settled.length - returned.size <= 3 * 8, 'at most each client\'s answer of the last moment was settled and not seen')
    t.same(await checkCounters(store, await store.nowMs()), [])
    t.equal(await holds(store), 0n)
  }))

  await t.test('a Redis that hangs: money refuses, rates let pass, keys seen lately are good; then it is reconciled', t => withRedis(t, async (redis, prefix) => {
    const { store, service } = openGateway(t, redis.url, prefix, { commandTimeoutMs: 1000 })
    const paying = await makeAccount(store, { nanoUsdPerDay: 1000 })
    const free = await makeAccount(store, { requestsPerMinute: 1000 })
    const stranger = await makeAccount(store, {})
    t.ok(await service.authenticate(free.secret))
    const admission = await service.admit(askFor(paying))
    redis.pause()
    t.equal(await codeOf(service.admit(askFor(paying))), 'accounts_unavailable')
    t.equal((await service.authenticate(free.secret))?.key.id, free.key.id)
    t.equal(await codeOf(service.authenticate(stranger.secret)), 'accounts_unavailable', 'not seen before, so nobody can say')
    const unheld = await service.admit(askFor(free))
    t.equal(unheld.isHeld, false)
    t.same(await service.settle(unheld, used(10, 5)), { costNanoUsd: 15, totalNanoUsd: 15, isRecorded: false })
    t.match(await service.settle(admission, used(10, 3)), { totalNanoUsd: 13, isRecorded: false })
    t.equal(await service.budgetShare(paying), null)
    t.equal(service.unsettled, 2)
    redis.resume()
    for (let attempt = 0; attempt < 500 && service.unsettled > 0; attempt++) {
      await service.reconcile()
      await new Promise(resolve => setTimeout(resolve, 10))
    }
    await service.reconcile()
    t.same((await ledgerOf(store)).map(entry => entry.costNanoUsd).sort(), [13, 15])
    t.same(await checkCounters(store, await store.nowMs()), [])
    t.equal(await service.budgetShare(paying), 0.013)
  }))

  await t.test('settlements that no Redis could take outlive the gateway in its journal', t => withRedis(t, async (redis, prefix) => {
    const folder = mkdtempSync(join(tmpdir(), 'gearbox-journal-'))
    t.teardown(() => { rmSync(folder, { recursive: true }) })
    const journalPath = join(folder, 'settlements.jsonl')
    const before = openGateway(t, redis.url, prefix, { journalPath })
    const account = await makeAccount(before.store, { nanoUsdPerDay: 1000 })
    const admissions = [await before.service.admit(askFor(account)), await before.service.admit(askFor(account))]
    await redis.kill()
    for (const admission of admissions) await before.service.settle(admission, used(10, 4))
    await before.service.close()
    // A crash in the middle of a write leaves half a line.
    writeFileSync(journalPath, `${readFileSync(journalPath, 'utf8')}{"reservationId":"ha`)

    await redis.restart()
    const after = openGateway(t, redis.url, prefix, { journalPath })
    t.equal(after.service.unsettled, 2)
    await after.service.reconcile()
    await after.service.reconcile()
    t.equal(after.service.unsettled, 0)
    t.equal(readFileSync(journalPath, 'utf8'), '')
    t.same((await ledgerOf(after.store)).map(entry => entry.costNanoUsd), [14, 14])
    t.equal(await after.service.budgetShare(account), 0.028)
  }))

  await t.test('gateways whose own clocks are wrong agree on the day', t => withRedis(t, async (redis, prefix) => {
    const { store, service } = openGateway(t, redis.url, prefix)
    const account = await makeAccount(store, { nanoUsdPerDay: 1000 })
    const realNow = Date.now
    const seconds = realNow() / 1000
    Date.now = () => realNow() + 40 * 24 * 3600_000
    t.teardown(() => { Date.now = realNow })
    const admission = await service.admit(askFor(account))
    Date.now = realNow
    t.ok(Math.abs(admission.admittedAtMs / 1000 - seconds) < 60, 'the store\'s clock, not the process\'s')
    await service.settle(admission, used(1, 1))
  }))
}
