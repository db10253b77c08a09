/** Settings read again while a stream runs: workers elsewhere come and go, and the stream reaches its end. */
import { pino } from 'pino'
import t from 'tap'
import { ConfigError } from '../src/config/config-error.js'
import { configSchema, type GatewayConfig } from '../src/config/schema.js'
import { startGateway } from '../src/server.js'
import type { AnswerSource } from '../workers/engines/simulator/simulated-answer.js'
import { SimulatorEngine } from '../workers/engines/simulator/simulator-engine.js'
import { startHost } from './workers/host/start-host.js'

const named = { name: 'flash-simulated', revision: 'r', effortLadder: '0731', contextTokens: 4096, tokenizer: 'deepseek-v4' }

function configOf (workers: string[], changes: Record<string, unknown> = {}): GatewayConfig {
  return configSchema.parse({
    server: { port: 0, graceMs: 1000 },
    admin: { port: 0 },
    tiers: { flash: { checkpoint: named, workers }, pro: { checkpoint: { ...named, name: 'pro-simulated' }, workers: ['http://127.0.0.1:1'] } },
    ...changes
  })
}

await t.test('a reload exchanges a worker under a running stream', async t => {
  let finish: () => void = () => {}
  const mayFinish = new Promise<void>(resolve => { finish = resolve })
  const slow: AnswerSource = async function * () {
    yield 1000
    await mayFinish
    yield * [1001, 1002, 1]
  }
  const [first, second] = await Promise.all([
    startHost(t, new SimulatorEngine({ checkpoint: 'flash-simulated', contextTokens: 4096, answer: slow }), 'first'),
    startHost(t, new SimulatorEngine({ checkpoint: 'flash-simulated', contextTokens: 4096, answer: () => [2000, 1] }), 'second')
  ])
  let config = configOf([first.address])
  const gateway = await startGateway(config, pino({ level: 'silent' }), 'test', async () => config)
  t.teardown(async () => { await gateway.close() })
  const ask = async (isStream: boolean): Promise<Response> => await fetch(`${gateway.address}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'deepseek-v4-flash', messages: [{ role: 'user', content: 'x' }], stream: isStream, thinking: { type: 'disabled' } })
  })
  const stream = await ask(true)

  config = configOf([second.address], { log: { level: 'silent' }, server: { port: 5, graceMs: 1000 } })
  const response = await fetch(`${gateway.adminAddress}/admin/reload`, { method: 'POST' })
  const report: unknown = await response.json()
  t.match(report, { needsRestart: true, changes: [{ path: 'server.port', applies: 'restart' }, { path: 'tiers.flash.workers', applies: 'live' }, { path: 'log.level', applies: 'live' }] })
  const other = await ask(false)
  t.equal(other.status, 200, 'the new worker answers')
  t.match(await (await fetch(`${gateway.adminAddress}/admin/api/workers`)).json(), { workers: [{ workerId: 'flash-0', address: second.address }, { tier: 'pro' }] })
  finish()
  t.match(await stream.text(), /"finish_reason":"stop"[^]*\[DONE\]/, 'the old one finishes what it had')

  config = configOf([], { admin: { host: '0.0.0.0' } })
  await t.rejects(gateway.reload(), ConfigError, 'refused whole')
  t.equal((await fetch(`${gateway.adminAddress}/admin/reload`, { method: 'POST' })).status, 422)
  t.equal((await ask(false)).status, 200)
})
