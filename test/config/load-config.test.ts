import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { parseDocument, isMap, isPair, isScalar, type Pair, type YAMLMap } from 'yaml'
import { configuredPrices } from '../../src/accounts/configured-prices.js'
import { hashSecret } from '../../src/accounts/keys.js'
import { pricesAt } from '../../src/accounts/price-book.js'
import { gatewayJsonSchemaText } from '../../src/config/json-schema.js'
import { ConfigError } from '../../src/config/config-error.js'
import { loadConfig } from '../../src/config/load-config.js'

const shipped = 'config/gateway.yaml'

function fileWith (text: string): string {
  const path = join(mkdtempSync(join(tmpdir(), 'gearbox-config-')), 'gateway.yaml')
  writeFileSync(path, text)
  return path
}

await t.test('the shipped file states exactly the defaults', async t => {
  t.same(loadConfig(shipped, {}), loadConfig(null, {}))
})

await t.test('every key of the shipped file carries a comment', async t => {
  const document = parseDocument(readFileSync(shipped, 'utf8'), { keepSourceTokens: true })
  const leaves: string[] = []
  const visit = (map: YAMLMap, path: string, inherited: string | null | undefined): void => {
    for (const [position, pair] of map.items.entries()) {
      if (!isPair(pair)) continue
      const { key, value } = pair as Pair<unknown, unknown>
      if (!isScalar(key)) continue
      const comment = key.commentBefore ?? (position === 0 ? inherited : null)
      const here = `${path}${String(key.value)}`
      if (isMap(value)) visit(value, `${here}.`, value.commentBefore)
      else {
        leaves.push(here)
        t.ok(comment, `${here} has a comment`)
      }
    }
  }
  if (isMap(document.contents)) visit(document.contents, '', null)
  t.ok(leaves.length > 10)
})

await t.test('the JSON Schema beside it is generated from the code', async t => {
  t.equal(readFileSync('config/gateway.schema.json', 'utf8'), gatewayJsonSchemaText())
})

await t.test('an unknown key, a wrong unit and a missing file refuse to start and name the path', async t => {
  t.throws(() => loadConfig(fileWith('server: { prot: 80 }'), {}), { name: 'ConfigError', message: /server.*prot/ })
  t.throws(() => loadConfig(fileWith('server: { keepAliveMs: ten }'), {}), { message: /server\.keepAliveMs/ })
  t.throws(() => loadConfig('/nonexistent/gateway.yaml', {}), ConfigError)
  t.throws(() => loadConfig(fileWith('a: [1'), {}), ConfigError)
})

await t.test('the environment wins over the file, and keys are kept only as hashes', async t => {
  const config = loadConfig(fileWith('server: { port: 1, host: "::1" }'), { PORT: '9000', GEARBOX_KEYS: 'one, two', GEARBOX_LOG_LEVEL: 'debug' })
  t.equal(config.server.port, 9000)
  t.equal(config.server.host, '::1')
  t.equal(config.log.level, 'debug')
  t.same(config.access.keyHashes, [hashSecret('one'), hashSecret('two')])
  t.notMatch(JSON.stringify(config), /"one"|"two"/)
  t.throws(() => loadConfig(null, { PORT: 'http' }), { message: /server\.port/ })
})

await t.test('the result cannot be changed by accident', async t => {
  t.throws(() => { Object.assign(loadConfig(null, {}).server, { port: 1 }) }, TypeError)
})

await t.test('prices of one\'s own: dated rows, or what the hardware costs', async t => {
  const rows = '{ from: "2026-01-01T00:00:00Z", tier: flash, offPeak: { hit: 0.01, miss: "0.1", output: 1 } }, { from: "2026-01-01T00:00:00Z", tier: pro, offPeak: { hit: 0, miss: 0, output: 0 } }'
  const { accounts } = loadConfig(fileWith(`accounts: { prices: { rows: [${rows}] }, ownHardware: { pro: { usdPerGpuHour: 2, gpus: 8, missTokensPerSecond: 20000, hitTokensPerSecond: 400000, outputTokensPerSecond: 4000 } } }`), {})
  const book = configuredPrices(accounts)
  t.same(pricesAt(book, 'flash', Date.UTC(2026, 5)), { hit: 10_000, miss: 100_000, output: 1_000_000 })
  // 16 USD an hour are 4.4 million nano-dollars a second: 1.11 USD per million output tokens.
  t.same(pricesAt(book, 'pro', Date.UTC(2026, 5)), { hit: 11_111, miss: 222_222, output: 1_111_111 })
  t.throws(() => loadConfig(fileWith('accounts: { prices: { rows: [] } }'), {}), { name: 'ConfigError', message: /accounts\.prices/ })
})

await t.test('the store of accounts may come from the environment', async t => {
  t.equal(loadConfig(null, {}).accounts.store, 'none')
  t.equal(loadConfig(fileWith('accounts: { store: a.sqlite }'), { GEARBOX_STORE: 'b.sqlite' }).accounts.store, 'b.sqlite')
})
