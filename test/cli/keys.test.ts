import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { AccountService } from '../../src/accounts/account-service.js'
import { CliInputError } from '../../src/cli/cli-input-error.js'
import { runKeys } from '../../src/cli/keys.js'
import { runUsage } from '../../src/cli/usage.js'
import { SqliteStore } from '../../src/stores/sqlite-store.js'

interface Printed {
  out: string
  error: string
}
type Command = typeof runKeys

function storeFile (t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'gearbox-keys-'))
  t.teardown(() => { rmSync(folder, { recursive: true }) })
  return join(folder, 'accounts.sqlite')
}

async function run (command: Command, ...argv: string[]): Promise<Printed> {
  const printed: Printed = { out: '', error: '' }
  async function * noLines (): AsyncGenerator<string, void, undefined> {}
  await command(argv, {
    lines: noLines(),
    write: text => { printed.out += text },
    writeError: text => { printed.error += text }
  })
  return printed
}

await t.test('a key is created, used, listed without its secret, rotated and revoked', async t => {
  const path = storeFile(t)
  const created = await run(runKeys, 'create', '--store', path, '--org', 'acme', '--name', 'ci', '--usd-per-month', '12.5', '--tiers', 'flash', '--concurrency-flash', '3', '--max-priority', '20')
  const secret = created.out.trim()
  t.match(secret, /^gbx_[\w-]{43}$/)
  t.notMatch(created.error, secret)

  const listed = await run(runKeys, 'list', '--store', path)
  t.match(listed.out, /^key_[\w-]+\tacme\tgbx_[\w-]{4}…\tgood\tflash\t\$12\.50\/month\tci\n$/)
  t.notMatch(listed.out, secret)
  const json = (await run(runKeys, 'list', '--store', path, '--json')).out
  t.notMatch(json, /hash/)
  t.match(JSON.parse(json), { rules: { maxPriority: 20 }, limits: { nanoUsdPerMonth: 12_500_000_000, concurrency: { flash: 3, pro: null } }, secrets: 1 })
  const keyId = listed.out.split('\t')[0] ?? ''

  const isGood = async (bearer: string): Promise<boolean> => {
    const store = new SqliteStore({ path })
    const service = new AccountService({ store })
    try {
      return await service.authenticate(bearer) !== null
    } finally {
      await service.close()
      await store.close()
    }
  }
  t.ok(await isGood(secret))
  const rotated = (await run(runKeys, 'rotate', keyId, '--store', path, '--grace-hours', '1')).out.trim()
  t.same([await isGood(secret), await isGood(rotated)], [true, true], 'both within the grace period')
  const third = (await run(runKeys, 'rotate', keyId, '--store', path, '--grace-hours', '0')).out.trim()
  t.same([await isGood(secret), await isGood(rotated), await isGood(third)], [false, false, true])
  t.match((await run(runKeys, 'expire', keyId, '--store', path, '--expires-days', '1')).error, /is good until 2\d{3}-/)
  t.ok(await isGood(third))
  await run(runKeys, 'expire', keyId, '--store', path, '--expires-days', '0')
  t.notOk(await isGood(third), 'expired')
  t.match((await run(runKeys, 'list', '--store', path)).out, 'expired')
  await run(runKeys, 'expire', keyId, '--store', path, '--expires-days', '1')
  t.ok(await isGood(third))
  await run(runKeys, 'revoke', keyId, '--store', path)
  t.notOk(await isGood(third))
  t.match((await run(runKeys, 'list', '--store', path)).out, 'revoked')
})

await t.test('an organisation keeps the limits that a command does not name', async t => {
  const path = storeFile(t)
  await run(runKeys, 'org', 'acme', '--store', path, '--usd-per-day', '3', '--concurrency-pro', '2')
  const { out } = await run(runKeys, 'org', 'acme', '--store', path, '--requests-per-minute', '60')
  t.match(JSON.parse(out), { id: 'acme', limits: { nanoUsdPerDay: 3_000_000_000, requestsPerMinute: 60, concurrency: { pro: 2, flash: null } } })
})

await t.test('says what is wrong with its input', async t => {
  const path = storeFile(t)
  const cases: Array<[Command, string[], RegExp]> = [
    [runKeys, ['create', '--org', 'acme'], /--store is missing/],
    [runKeys, ['create', '--store', path], /--org is missing/],
    [runKeys, ['forge', '--store', path], /no such action/],
    [runKeys, ['rotate', '--store', path], /KEY_ID is missing/],
    [runKeys, ['revoke', 'key_none', '--store', path], /no key key_none/],
    [runKeys, ['create', '--store', path, '--org', 'acme', '--usd-per-day', '1e3'], /"1e3" is not an amount/],
    [runKeys, ['create', '--store', path, '--org', 'acme', '--requests-per-minute', '1.5'], /limits\.requestsPerMinute/],
    [runKeys, ['create', '--store', path, '--org', 'acme', '--tiers', 'ultra'], /rules\.allowedTiers/],
    [runKeys, ['create', '--store', path, '--org', 'acme', '--max-priority', '101'], /rules\.maxPriority/],
    [runKeys, ['create', '--store', path, '--org', 'acme', '--concurrency-pro', 'many'], /many is not a number/],
    [runUsage, [], /--store is missing/],
    [runUsage, ['--store', path, '--by', 'colour'], /no group colour/],
    [runUsage, ['--store', path, '--export', 'xml'], /csv or jsonl/],
    [runUsage, ['--store', path, '--from', 'yesterday'], /not a date/]
  ]
  for (const [command, argv, message] of cases) {
    const error: unknown = await run(command, ...argv).then(() => null, (thrown: unknown) => thrown)
    t.type(error, CliInputError, argv.join(' '))
    t.match(error instanceof Error ? error.message : '', message)
  }
  t.equal((await run(runKeys, 'list', '--store', path)).out, '', 'a refused key was not created')
})

await t.test('reports, exports and checks what was used', async t => {
  const path = storeFile(t)
  const secret = (await run(runKeys, 'create', '--store', path, '--org', 'acme')).out.trim()
  const store = new SqliteStore({ path, clock: () => Date.parse('2026-11-24T02:00:00Z') })
  const service = new AccountService({ store })
  const account = await service.authenticate(secret)
  if (account === null) throw new Error('the key must be good')
  const admission = await service.admit({ account, requestId: '=cmd|"x"', tier: 'flash', reason: 'default', promptTokens: 1000, maxOutputTokens: 100, cachedTokensEstimate: 0 })
  await service.settle(admission, { usage: { promptTokens: 1000, cachedTokens: 600, completionTokens: 50 }, outcome: 'completed', worker: 'w1', checkpoint: 'flash-mini' })
  await service.close()
  await store.close()

  const november = ['--store', path, '--from', '2026-11-01', '--to', '2026-12-01']
  t.equal((await run(runUsage, ...november, '--by', 'tier,day')).out, 'tier\tday\tattempts\tprompt\tcached\tcompletion\tusd\nflash\t2026-11-24\t1\t1000\t600\t50\t0.0001836\n')
  const csv = (await run(runUsage, ...november, '--export', 'csv')).out
  t.match(csv, '"\'=cmd|""x"""')
  t.match(csv, /,completed,2026-11-24T02:00:00\.000Z,2026-11-24T02:00:00\.000Z,0\.0001836\r\n$/)
  t.match(JSON.parse((await run(runUsage, ...november, '--export', 'jsonl')).out), { costNanoUsd: 183_600, requestId: '=cmd|"x"' })
  t.match((await run(runUsage, ...november, '--check')).error, 'agree')

  const spoiled = new SqliteStore({ path })
  const [counter] = (await spoiled.listTallies('usd:2026-11:')).keys()
  await spoiled.replaceSpent(await spoiled.ledgerVersion(), [{ counter: counter ?? '', spent: 1n, expiresAtMs: null }])
  await spoiled.close()
  await t.rejects(run(runUsage, ...november, '--check'), { message: /1 counters of 2026-11 differ/ })
  await run(runUsage, ...november, '--rebuild')
  t.match((await run(runUsage, ...november, '--check')).error, 'agree')
})
