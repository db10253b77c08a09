/**
 * What a request costs the books: admit and settle on both stores, beside the least that any of them could do (one durable insert),
 * in turns within one run. Prints, and writes results.md beside this file.
 *
 *   npm run build && node dist/benchmarks/accounts/benchmark.js
 *
 * Needs redis-server on the path for its half. Only ratios of one run mean anything: machines differ.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { cpuUsage } from 'node:process'
import { Redis } from 'ioredis'
import Database from 'libsql'
import { AccountService } from '../../src/accounts/account-service.js'
import { createKey, type Account } from '../../src/accounts/keys.js'
import type { AccountStore } from '../../src/stores/account-store.js'
import { RedisStore } from '../../src/stores/redis-store.js'
import { SqliteStore } from '../../src/stores/sqlite-store.js'

const rounds = 9
/** Redis waits for its disk each time. */
const perRound = { SQLite: 100, Redis: 10 }
const body = JSON.stringify({ entryId: 'x'.repeat(38), requestId: 'x'.repeat(36), attempt: 1, keyId: 'key_0123456789ab', orgId: 'acme', tier: 'flash', reason: 'pinned-by-model', checkpoint: 'deepseek-v4-flash', worker: 'flash-0', promptTokens: 1000, cachedTokens: 600, completionTokens: 200, costNanoUsd: 183_600, outcome: 'completed', admittedAtMs: 1_795_500_000_000, settledAtMs: 1_795_500_000_000 })

interface Contender {
  name: string
  run: () => Promise<unknown>
}

interface Measured {
  name: string
  wallMicros: number
  cpuMicros: number
}

const folder = mkdtempSync(join(tmpdir(), 'gearbox-accounts-'))
try {
  const sqlite = await withSqlite()
  const redis = await withRedis()
  const tables = [await compare('SQLite', sqlite.contenders), await compare('Redis', redis.contenders)]
  await sqlite.close()
  await redis.close()
  const text = [
    '# Accounts: what a request costs',
    '',
    `${new Date().toISOString().slice(0, 10)}, Node ${process.version}, ${cpus()[0]?.model ?? 'unknown processor'}, load ${loadavg()[0]?.toFixed(1)} on ${cpus().length} cores. Medians of ${rounds} rounds of ${perRound.SQLite} (SQLite) and ${perRound.Redis} (Redis), one request at a time. Written by \`benchmark.ts\`.`,
    '',
    'A bare insert is the ledger\'s line alone, as durable as the store makes it: SQLite in WAL with synchronous=NORMAL, Redis with appendfsync always. CPU is this process\'s.',
    '',
    ...tables.flat(),
    ''
  ].join('\n')
  writeFileSync('benchmarks/accounts/results.md', text)
  process.stdout.write(text)
} finally {
  rmSync(folder, { recursive: true, force: true })
}

async function compare (title: keyof typeof perRound, contenders: Contender[]): Promise<string[]> {
  const measured = await inTurns(contenders, perRound[title])
  const [bare] = measured
  const ratio = (value: number, of: number | undefined): string => `${(value / (of ?? value)).toFixed(1)}x`
  return [
    `## ${title}`,
    '',
    '| | µs | against bare | µs CPU | against bare |',
    '| --- | --- | --- | --- | --- |',
    ...measured.map(({ name, wallMicros, cpuMicros }) => `| ${name} | ${wallMicros.toFixed(0)} | ${ratio(wallMicros, bare?.wallMicros)} | ${cpuMicros.toFixed(0)} | ${ratio(cpuMicros, bare?.cpuMicros)} |`),
    ''
  ]
}

async function inTurns (contenders: Contender[], count: number): Promise<Measured[]> {
  const times = contenders.map(() => ({ wall: [] as number[], cpu: [] as number[] }))
  for (let round = 0; round <= rounds; round++) {
    for (const [index, { run }] of contenders.entries()) {
      const cpuBefore = cpuUsage()
      const start = performance.now()
      for (let turn = 0; turn < count; turn++) await run()
      const wall = (performance.now() - start) * 1000 / count
      const { user, system } = cpuUsage(cpuBefore)
      // The first round warms up.
      if (round === 0) continue
      times[index]?.wall.push(wall)
      times[index]?.cpu.push((user + system) / count)
    }
  }
  return contenders.map(({ name }, index) => ({ name, wallMicros: median(times[index]?.wall ?? []), cpuMicros: median(times[index]?.cpu ?? []) }))
}

/** A key without limits, one with a budget, and one with every limit there is, its organisation too. */
async function requestsOn (store: AccountStore): Promise<{ contenders: Contender[], close: () => Promise<void> }> {
  const service = new AccountService({ store })
  const limits = { requestsPerMinute: 1_000_000, inputTokensPerMinute: 1_000_000_000, outputTokensPerMinute: 1_000_000_000, concurrency: { flash: 1000 }, nanoUsdPerDay: 1e15, nanoUsdPerMonth: 1e15 }
  const accounts = { 'no limits': await accountOf(store, 'free', {}), 'a monthly budget': await accountOf(store, 'budget', { nanoUsdPerMonth: 1e15 }), 'every limit': await accountOf(store, 'all', limits) }
  const contenders = Object.entries(accounts).map(([name, account]): Contender => ({
    name: `admit and settle, ${name}`,
    run: async () => {
      const admission = await service.admit({ account, requestId: 'x'.repeat(36), tier: 'flash', reason: 'pinned-by-model', promptTokens: 1000, maxOutputTokens: 4096, cachedTokensEstimate: 600 })
      await service.settle(admission, { usage: { promptTokens: 1000, cachedTokens: 600, completionTokens: 200 }, outcome: 'completed', worker: 'flash-0', checkpoint: 'deepseek-v4-flash' })
    }
  }))
  return {
    contenders,
    close: async () => {
      await service.close()
      await store.close()
    }
  }
}

async function accountOf (store: AccountStore, orgId: string, limits: object): Promise<Account> {
  const { record } = await createKey(store, { orgId, name: 'benchmark', limits })
  const found = await store.findKeyByHash(record.secrets[0]?.hash ?? '')
  if (found === null) throw new Error('the key was just made')
  return found
}

async function withSqlite (): Promise<{ contenders: Contender[], close: () => Promise<void> }> {
  const database = new Database(join(folder, 'bare.sqlite'))
  database.pragma('journal_mode = wal')
  database.pragma('synchronous = normal')
  database.exec('create table ledger (position integer primary key autoincrement, body text not null) strict')
  const insert = database.prepare('insert into ledger (body) values (?)')
  const { contenders, close } = await requestsOn(new SqliteStore({ path: join(folder, 'accounts.sqlite') }))
  return {
    contenders: [{ name: 'bare insert', run: async () => { insert.run(body) } }, ...contenders],
    close: async () => {
      database.close()
      await close()
    }
  }
}

async function withRedis (): Promise<{ contenders: Contender[], close: () => Promise<void> }> {
  const socket = join(folder, 'redis.sock')
  const server = spawn('redis-server', ['--port', '0', '--unixsocket', socket, '--dir', folder, '--save', '', '--appendonly', 'yes', '--appendfsync', 'always'], { stdio: 'ignore' })
  const redis = new Redis(socket, { retryStrategy: () => 50 })
  redis.on('error', () => {})
  await new Promise<void>(resolve => { redis.once('ready', () => { resolve() }) })
  const { contenders, close } = await requestsOn(new RedisStore({ url: socket, commandTimeoutMs: 10_000 }))
  return {
    contenders: [{ name: 'bare insert', run: async () => await redis.xadd('bare', '*', 'entry', body) }, ...contenders],
    close: async () => {
      redis.disconnect()
      await close()
      const gone = once(server, 'exit')
      server.kill('SIGTERM')
      await gone
    }
  }
}

function median (values: number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0
}
