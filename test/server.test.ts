/** The whole thing: front door, language, dispatch, worker processes and our engine, called by the official SDK. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import OpenAI from 'openai'
import { pino } from 'pino'
import t from 'tap'
import { runKeys } from '../src/cli/keys.js'
import { runUsage } from '../src/cli/usage.js'
import { loadConfig } from '../src/config/load-config.js'
import { configSchema, type GatewayConfig } from '../src/config/schema.js'
import { startGateway, type RunningGateway } from '../src/server.js'
import { runCommand } from './cli/run-command.js'
import { writeRandomCheckpoint } from '../workers/engines/v4/checkpoint/random-checkpoint.js'

const silent = pino({ level: 'silent' })
const question = 'Tell me something long.'

const directory = await mkdtemp(join(tmpdir(), 'gearbox-server-'))
await writeRandomCheckpoint(join(directory, 'flash'), { tier: 'flash' })
await writeRandomCheckpoint(join(directory, 'pro'), { tier: 'pro', seed: 2 })
t.teardown(async () => { await rm(directory, { recursive: true }) })

function configOf (changes: Record<string, unknown> = {}): GatewayConfig {
  return configSchema.parse({
    server: { port: 0, graceMs: 5000 },
    tiers: {
      flash: { checkpoint: join(directory, 'flash') },
      pro: { checkpoint: join(directory, 'pro'), ranks: 2 }
    },
    ...changes
  })
}

function clientOf (gateway: RunningGateway, apiKey = 'none'): OpenAI {
  return new OpenAI({ baseURL: `${gateway.address}/v1`, apiKey, maxRetries: 0 })
}

await t.test('a gateway with one embedded worker per tier', async t => {
  const gateway = await startGateway(configOf(), silent, 'test')
  t.teardown(async () => { await gateway.close() })
  await gateway.whenReady()
  const client = clientOf(gateway)
  const ask = { messages: [{ role: 'user' as const, content: question }], temperature: 0, max_tokens: 48, reasoning_effort: 'none' as const }

  await t.test('both tiers answer, each with its own checkpoint and reason', async t => {
    for (const [model, tier, reason] of [['deepseek-v4-flash', 'flash', 'pinned-by-model'], ['deepseek-v4-pro', 'pro', 'pinned-by-model'], ['auto', 'flash', 'default']] as const) {
      const { data, response } = await client.chat.completions.create({ ...ask, model }).withResponse()
      t.equal(response.headers.get('x-gearbox-tier'), tier)
      t.equal(response.headers.get('x-gearbox-tier-reason'), reason)
      t.equal(response.headers.get('x-gearbox-checkpoint'), `${tier}-noise`)
      t.match(data.system_fingerprint, new RegExp(`^fp_${tier}-noise`))
      t.equal(data.usage?.completion_tokens, 48)
      t.equal(data.choices[0]?.finish_reason, 'length')
    }
  })

  await t.test('streaming gives the same text as one piece', async t => {
    const whole = await client.chat.completions.create({ ...ask, model: 'deepseek-v4-pro' })
    let text = ''
    for await (const chunk of await client.chat.completions.create({ ...ask, model: 'deepseek-v4-pro', stream: true })) {
      text += chunk.choices[0]?.delta.content ?? ''
    }
    t.equal(text, whole.choices[0]?.message.content)
  })

  await t.test('kill -9 of a worker in the middle of a stream is a pause: the answer equals the uninterrupted one', async t => {
    const long = { ...ask, model: 'deepseek-v4-flash', max_tokens: 400 }
    const whole = await client.chat.completions.create(long)
    let text = ''
    let chunks = 0
    for await (const chunk of await client.chat.completions.create({ ...long, stream: true })) {
      text += chunk.choices[0]?.delta.content ?? ''
      if (++chunks === 20) process.kill(gateway.workerPids().get('flash-0') ?? -1, 'SIGKILL')
    }
    t.ok(chunks > 20)
    t.equal(text, whole.choices[0]?.message.content)
  })

  await t.test('a client that leaves frees the worker', async t => {
    const stream = await client.chat.completions.create({ ...ask, model: 'deepseek-v4-flash', max_tokens: 16_000, stream: true })
    for await (const chunk of stream) {
      if (chunk.choices.length > 0) break
    }
    const next = await client.chat.completions.create({ ...ask, model: 'deepseek-v4-flash', max_tokens: 4 })
    t.equal(next.usage?.completion_tokens, 4)
  })
})

await t.test('an address that others can reach refuses to start without keys, and with keys asks for them', async t => {
  const open = { server: { port: 0, host: '0.0.0.0' } }
  await t.rejects(startGateway(configOf(open), silent, 'test'), { name: 'ConfigError', message: /keys/ })

  const { access } = loadConfig(null, { GEARBOX_KEYS: 'a-long-random-key' })
  const gateway = await startGateway(configOf({ server: { port: 0 }, access }), silent, 'test')
  t.teardown(async () => { await gateway.close() })
  await t.rejects(clientOf(gateway, 'wrong').models.list(), { status: 401, code: 'invalid_api_key' })
  const models = await clientOf(gateway, 'a-long-random-key').models.list()
  t.ok(models.data.some(({ id }) => id === 'deepseek-v4-flash'))
})

await t.test('a port that is taken, or a checkpoint that is not there, is one clear error', async t => {
  const gateway = await startGateway(configOf(), silent, 'test')
  t.teardown(async () => { await gateway.close() })
  const port = Number(new URL(gateway.address).port)
  await t.rejects(startGateway(configOf({ server: { port } }), silent, 'test'), { name: 'ConfigError', message: new RegExp(String(port)) })
  const missing = { tiers: { flash: { checkpoint: '/nonexistent' }, pro: { checkpoint: join(directory, 'pro') } } }
  await t.rejects(startGateway(configOf(missing), silent, 'test'), { name: 'ConfigError', message: /nonexistent/ })
})

await t.test('an answer that outlasts the grace period ends in an error the SDK throws on', async t => {
  const gateway = await startGateway(configOf({ server: { port: 0, graceMs: 0 } }), silent, 'test')
  t.teardown(async () => { await gateway.close() })
  await gateway.whenReady()
  const stream = await clientOf(gateway).chat.completions.create({ model: 'deepseek-v4-flash', messages: [{ role: 'user', content: question }], temperature: 0, max_tokens: 16_000, logit_bias: { 1: -100 }, reasoning_effort: 'none', stream: true })
  const read = async (): Promise<void> => {
    for await (const chunk of stream) if (chunk.choices.length > 0) gateway.close().catch(() => {})
  }
  await t.rejects(read(), { code: 'server_draining' })
})

await t.test('with a store its keys are asked for, and what they used is in its ledger after the gateway has closed', async t => {
  const store = join(directory, 'data', 'accounts.sqlite')
  const accounts = { store, journalPath: join(directory, 'data', 'settlements.jsonl') }
  const gateway = await startGateway(configOf({ server: { port: 0 }, accounts }), silent, 'test')
  t.teardown(async () => { await gateway.close() })
  await gateway.whenReady()
  await t.rejects(clientOf(gateway).models.list(), { status: 401, code: 'invalid_api_key' })
  const [secret = ''] = await runCommand(runKeys, ['create', '--store', store, '--org', 'acme', '--tiers', 'flash'], [])
  const client = clientOf(gateway, secret)
  const { data, response } = await client.chat.completions.create({ model: 'auto', messages: [{ role: 'user', content: question }], max_tokens: 8, reasoning_effort: 'none' }).withResponse()
  t.equal(response.headers.get('x-gearbox-tier-reason'), 'only-allowed-tier')
  await t.rejects(client.chat.completions.create({ model: 'deepseek-v4-pro', messages: [{ role: 'user', content: question }] }), { status: 403, code: 'tier_not_allowed' })
  await gateway.close()
  const [, total = ''] = await runCommand(runUsage, ['--store', store, '--by', 'org,tier,reason'], [])
  t.strictSame(total.split('\t'), ['acme', 'flash', 'only-allowed-tier', '1', String(data.usage?.prompt_tokens), '0', '8', response.headers.get('x-gearbox-cost-usd')])
})
