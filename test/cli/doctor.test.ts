import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { examine } from '../../src/cli/doctor.js'
import { checkNode, type Finding } from '../../src/cli/doctor-checks.js'
import { SimulatorEngine } from '../../workers/engines/simulator/simulator-engine.js'
import { writeRandomCheckpoint } from '../../workers/engines/v4/checkpoint/random-checkpoint.js'
import { startHost } from '../workers/host/start-host.js'

const folder = await mkdtemp(join(tmpdir(), 'doctor-'))
await writeRandomCheckpoint(join(folder, 'flash'), { tier: 'flash' })
await writeRandomCheckpoint(join(folder, 'pro'), { tier: 'pro' })
t.teardown(async () => { await rm(folder, { recursive: true }) })

/** JSON is YAML. */
async function fileWith (changes: Record<string, unknown> = {}): Promise<string> {
  const path = join(folder, 'gateway.yaml')
  const tiers = { flash: { checkpoint: join(folder, 'flash') }, pro: { checkpoint: join(folder, 'pro') } }
  await writeFile(path, JSON.stringify({ server: { port: 0 }, admin: { port: 0 }, tiers, ...changes }))
  return path
}

function named (findings: Finding[], name: string): Finding | undefined {
  return findings.find(found => found.name === name)
}

await t.test('a gateway that can start', async t => {
  const findings = await examine(await fileWith({ accounts: { store: join(folder, 'accounts.db'), journalPath: join(folder, 'journal.jsonl') } }), {})
  t.strictSame(findings.filter(({ status }) => status !== 'ok'), [])
  t.match(named(findings, 'checkpoint of flash')?.detail, /flash-noise .* \d+ ids, \d+ tokens of context, \d+ tensors/)
  t.equal(named(findings, 'accounts')?.detail, 'the store answers')
})

await t.test('settings that are not valid are the only finding', async t => {
  const findings = await examine(await fileWith({ server: { prot: 80 } }), {})
  t.match(findings, [{ name: 'Node' }, { name: 'settings', status: 'failed', detail: /prot/ }])
})

await t.test('a port in use, an open address, a broken checkpoint, a store and a worker that do not answer', async t => {
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  t.teardown(() => { taken.close() })
  const address = taken.address()
  const port = typeof address === 'object' ? address?.port : 0
  await writeRandomCheckpoint(join(folder, 'broken'), { tier: 'pro' })
  await writeFile(join(folder, 'broken/model.safetensors'), 'no tensors')
  await rm(join(folder, 'broken/model.safetensors.index.json'), { force: true })
  const findings = await examine(await fileWith({
    server: { host: '127.0.0.1', port },
    admin: { port, host: '0.0.0.0' },
    accounts: { store: 'redis://127.0.0.1:1' },
    telemetry: { traces: { endpoint: 'http://127.0.0.1:1' } },
    tiers: { flash: { checkpoint: join(folder, 'flash'), workers: ['http://127.0.0.1:1', { engine: 'vllm', url: 'http://127.0.0.1:1', apiKeyEnv: 'MISSING' }] }, pro: { checkpoint: join(folder, 'broken') } }
  }), {})
  for (const name of ['port', 'guard', 'checkpoint of pro', 'worker http://127.0.0.1:1', 'vllm of flash', 'accounts']) {
    t.equal(named(findings, name)?.status, 'failed', name)
    t.ok(named(findings, name)?.advice, `${name} says what to do`)
  }
  t.match(named(findings, 'port')?.detail, 'EADDRINUSE')
  t.equal(named(findings, 'operator\'s port')?.status, 'warning')
  t.equal(named(findings, 'traces')?.status, 'warning')
  t.equal(named(findings, 'checkpoint of flash')?.status, 'ok', 'a tier served elsewhere needs no tensors here')
})

await t.test('a worker is asked who it is', async t => {
  const { address } = await startHost(t, new SimulatorEngine({ checkpoint: 'flash-simulated', contextTokens: 4096, answer: () => [] }))
  const workersOf = (tier: string) => ({ tiers: { flash: { checkpoint: join(folder, 'flash') }, pro: { checkpoint: join(folder, 'pro') }, [tier]: { checkpoint: join(folder, tier), workers: [address] } } })
  t.match(named(await examine(await fileWith(workersOf('flash')), {}), `worker ${address}`), { status: 'ok', detail: /simulator, flash-simulated/ })
  t.match(named(await examine(await fileWith(workersOf('pro')), {}), `worker ${address}`), { status: 'failed', detail: 'it serves flash, not pro' })
})

await t.test('Node by its version', async t => {
  t.strictSame(['v18.20.0', 'v20.18.9', 'v20.19.0', 'v22.1.0'].map(version => checkNode(version).status), ['failed', 'failed', 'ok', 'ok'])
})

await t.test('the exit code tells', async t => {
  const run = (path: string) => spawnSync(process.execPath, ['bin/gearbox.js', 'doctor', '--config', path], { encoding: 'utf8' })
  const good = run(await fileWith())
  t.equal(good.status, 0)
  t.match(good.stdout, 'The gateway can start.')
  const bad = run(await fileWith({ log: { level: 'loud' } }))
  t.equal(bad.status, 1)
  t.match(bad.stdout, /FAILED {3}settings: .*log\.level[^]*→/)
})
