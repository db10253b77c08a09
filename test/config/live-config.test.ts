import t from 'tap'
import { diffConfig } from '../../src/config/diff-config.js'
import { LiveConfig } from '../../src/config/live-config.js'
import { configSchema, type GatewayConfig } from '../../src/config/schema.js'

const hash = 'a'.repeat(64)
const workers = ['http://one:1', 'http://two:2']

function configOf (changes: Record<string, unknown> = {}): GatewayConfig {
  return configSchema.parse(changes)
}

await t.test('the same settings change nothing', async t => {
  t.strictSame(diffConfig(configOf(), configOf()), [])
})

await t.test('each change is named with its values, and whether it needs a restart', async t => {
  const after = configOf({ log: { level: 'debug' }, server: { keepAliveMs: 5000, port: 9 }, policy: { cascade: { isAllowed: true } } })
  t.strictSame(diffConfig(configOf(), after), [
    { path: 'server.port', before: 8080, after: 9, applies: 'restart' },
    { path: 'server.keepAliveMs', before: 10_000, after: 5000, applies: 'live' },
    { path: 'policy.cascade.isAllowed', before: false, after: true, applies: 'live' },
    { path: 'log.level', before: 'info', after: 'debug', applies: 'live' }
  ])
})

await t.test('credentials are not shown', async t => {
  const changes = diffConfig(configOf(), configOf({ access: { keyHashes: [hash] }, admin: { secretHash: hash }, accounts: { store: 'redis://user:pass@host' } }))
  t.strictSame(changes.map(({ path, before, after }) => [path, before, after]).sort(), ['access.keyHashes', 'accounts.store', 'admin.secretHash'].map(path => [path, '(hidden)', '(hidden)']))
})

const cases: Array<[name: string, before: Record<string, unknown>, after: Record<string, unknown>, applies: string]> = [
  ['other keys', { access: { keyHashes: [hash] } }, { access: { keyHashes: ['b'.repeat(64)] } }, 'live'],
  ['keys where none were asked for', {}, { access: { keyHashes: [hash] } }, 'restart'],
  ['other workers elsewhere', { tiers: { pro: { checkpoint: 'x', workers } } }, { tiers: { pro: { checkpoint: 'x', workers: workers.slice(1) } } }, 'live'],
  ['workers elsewhere instead of ours', {}, { tiers: { flash: { checkpoint: 'models/flash-mini', workers } } }, 'restart'],
  ['an engine whose worker we start', { tiers: { pro: { checkpoint: 'x', workers } } }, { tiers: { pro: { checkpoint: 'x', workers: [{ engine: 'vllm', url: 'http://three:3' }] } } }, 'restart'],
  ['another checkpoint', {}, { tiers: { flash: { checkpoint: 'elsewhere' } } }, 'restart']
]

await t.test('lists change live only where nothing has to be started, stopped or switched on', async t => {
  for (const [name, before, after, applies] of cases) t.match(diffConfig(configOf(before), configOf(after)), [{ applies }], name)
})

await t.test('what needs a restart stays as it was, and is named again until then', async t => {
  const applied: GatewayConfig[] = []
  const live = new LiveConfig(configOf(), config => { applied.push(config) })
  const next = configOf({ log: { level: 'warn' }, server: { port: 9, graceMs: 1 } })
  t.match(live.take(next), { needsRestart: true, changes: { length: 3 } })
  t.match(live.current, { log: { level: 'warn' }, server: { port: 8080, graceMs: 1 } })
  t.match(live.take(next), { needsRestart: true, changes: [{ path: 'server.port' }] })
  t.equal(applied.length, 1, 'applied when something changed, and only then')
})
