import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { pino } from 'pino'
import t from 'tap'
import { readCheckpointCard } from '../../src/config/checkpoint-card.js'
import { loadConfig } from '../../src/config/load-config.js'
import { tierConfigSchema } from '../../src/config/tier-schema.js'
import { embeddedPlans, remoteWorkers, servedConstraints } from '../../src/config/tier-workers.js'
import { EmbeddedWorkers } from '../../src/dispatch/embedded-workers.js'
import { WorkerRegistry } from '../../src/dispatch/worker-registry.js'
import { parseEngineFlags } from '../../workers/engines/engine-flags.js'
import { parseFlags } from '../../workers/worker-flags.js'
import { makeJob } from '../workers/make-job.js'
import { sendJson, sendStream, startWireServer, wireText } from '../workers/engines/remote/wire-server.js'

const named = { name: 'deepseek-v4-flash', revision: '0731', effortLadder: '0731', contextTokens: 65_536, tokenizer: 'deepseek-v4' } as const

await t.test('the examples are settings, and each of their workers is a worker', async t => {
  // This file runs as dist/test/config/tier-workers.test.js.
  const folder = join(import.meta.dirname, '../../../config/examples')
  const names = readdirSync(folder)
  t.ok(names.length >= 3)
  for (const name of names) {
    const config = loadConfig(join(folder, name), {})
    for (const tier of ['flash', 'pro'] as const) {
      const card = readCheckpointCard(tier, config.tiers[tier].checkpoint)
      for (const { engine } of embeddedPlans(tier, config.tiers[tier], card, 129_280)) {
        if (!('flags' in engine)) throw new Error('no engine of ours is meant here')
        const flags = ['--worker-id', 'w', '--tier', tier, '--port', '1', '--engine', engine.engine, ...engine.flags.filter((flag, position) => flag !== '--api-key-env' && engine.flags[position - 1] !== '--api-key-env')]
        t.match(parseFlags(flags).choice, { engine: engine.engine }, `${name} ${tier} ${engine.engine}`)
      }
    }
  }
})

await t.test('workers are numbered as listed; a name without weights needs somebody who serves it', async t => {
  const tier = tierConfigSchema.parse({ checkpoint: named, workers: ['http://a:1', { engine: 'vllm', url: 'http://b:2', model: 'm', apiKeyEnv: 'KEY' }, 'unix:/c.sock'] })
  const card = readCheckpointCard('flash', tier.checkpoint)
  t.match(card, { tier: 'flash', name: 'deepseek-v4-flash', trained: true, tokenizer: 'deepseek-v4', contextTokens: 65_536 })
  t.same(remoteWorkers('flash', tier), [{ workerId: 'flash-0', address: 'http://a:1' }, { workerId: 'flash-2', address: 'unix:/c.sock' }])
  t.same(embeddedPlans('flash', tier, card, 129_280), [{
    workerId: 'flash-1',
    tier: 'flash',
    engine: {
      engine: 'vllm',
      flags: ['--url', 'http://b:2', '--start-ms', '3600000', '--model', 'm', '--api-key-env', 'KEY', '--checkpoint-name', 'deepseek-v4-flash', '--revision', '0731', '--effort-ladder', '0731', '--vocabulary-size', '129280']
    }
  }])
  t.throws(() => embeddedPlans('flash', { ...tier, workers: [] }, card, 1), /has no weights here/)
})

await t.test('our own engine may be listed among others', async t => {
  const tier = tierConfigSchema.parse({ checkpoint: '/mini', ranks: 2, workers: [{ engine: 'v4' }, { engine: 'openai', url: 'http://b:2', model: 'm', enforces: ['json'] }, { engine: 'v4', ranks: 1 }] })
  const card = { ...readCheckpointCard('flash', named), trained: true }
  const plans = embeddedPlans('flash', tier, card, 129_280)
  t.match(plans[0], { workerId: 'flash-0', engine: { engine: 'v4', checkpointDirectory: '/mini', ranks: 2 } })
  t.match(plans[2], { workerId: 'flash-2', engine: { engine: 'v4', ranks: 1 } })
  const flags = ['--worker-id', 'w', '--tier', 'flash', '--port', '1', '--engine', 'openai', ...plans[1]?.engine.engine === 'openai' ? plans[1].engine.flags : []]
  t.match(parseFlags(flags).choice, { engine: 'openai', settings: { constraints: ['json'], thinkingStyle: 'deepseek' } })
  t.throws(() => embeddedPlans('flash', { ...tier, checkpoint: named }, card, 1), /has no weights here/)
})

await t.test('a tier can enforce what one of its workers can', t => {
  const description = { instanceId: 'i', workerId: 'w', tier: 'flash' as const, engine: 'vllm', contextTokens: 1, ranks: null, checkpoint: { name: 'c', revision: 'r', trained: true, effortLadder: '0731' as const, vocabularySize: 1, parameters: null } }
  const able = (...constraints: Array<'json' | 'regex'>) => ({ ...description, capabilities: { tokenIds: true, resume: true, logprobs: true, seed: true, constraints } })
  t.same(servedConstraints([null, able('json', 'regex'), able('json')]), ['json', 'regex'])
  t.same(servedConstraints([able()]), [])
  t.same(servedConstraints([null]), ['json', 'schema', 'regex', 'structural-tag'], 'nobody has said anything yet')
  t.end()
})

await t.test('a key comes from the environment, and nothing else will do', async t => {
  const values = parseFlags(['--worker-id', 'w', '--tier', 'pro', '--port', '1', '--engine', 'openai', '--url', 'https://api.example', '--checkpoint-name', 'c', '--context-tokens', '9'])
  t.match(values.choice, { engine: 'openai', settings: { apiKey: null, thinkingStyle: 'deepseek', served: { contextTokens: 9 } } })
  const flags = { engine: 'vllm', url: 'http://a', 'api-key-env': 'KEY', 'checkpoint-name': 'c', ranks: '1', mode: 'exact', 'start-ms': '1', thinking: 'deepseek', revision: 'r', 'effort-ladder': '0731', 'vocabulary-size': '5', untrained: false, sequences: '1', 'kv-type': 'F16' }
  t.match(parseEngineFlags(flags, { KEY: 'sk-1' }), { settings: { apiKey: 'sk-1' } })
  t.throws(() => parseEngineFlags(flags, {}), /names KEY, which is not set/)
  t.throws(() => parseEngineFlags({ ...flags, url: 'ftp://a' }, { KEY: 'k' }), /--url must begin/)
  t.throws(() => parseEngineFlags({ ...flags, engine: 'tgi' }, {}), /not one of v4, simulator, llama, llama-server, vllm, sglang, openai/)
})

await t.test('settings that would not work are refused', async t => {
  const refused = [
    { engine: 'vllm', url: 'b:2' },
    { engine: 'openai', url: 'http://a' },
    { engine: 'llama', path: 'a.gguf' },
    { engine: 'vllm', url: 'http://a', apiKey: 'sk-in-the-file' }
  ]
  for (const worker of refused) t.equal(tierConfigSchema.safeParse({ checkpoint: named, workers: [worker] }).success, false, JSON.stringify(worker))
})

await t.test('a worker process in front of an engine serves like any other', async t => {
  const server = await startWireServer(t, {
    'GET /health': (_body, response) => sendJson(response, 200, { status: 'ok' }),
    'GET /props': (_body, response) => sendJson(response, 200, { default_generation_settings: { n_ctx: 1024 }, total_slots: 2 }),
    'GET /v1/models': (_body, response) => sendJson(response, 200, { data: [{ id: 'a', meta: { n_vocab: 268 } }] }),
    'POST /completion': (_body, response) => sendStream(response, wireText('llama-server-emoji.sse')),
    'POST /tokenize': (_body, response) => sendJson(response, 200, { tokens: [252, 171, 164, 140] })
  })
  const tier = tierConfigSchema.parse({ checkpoint: named, workers: [{ engine: 'llama-server', url: server.url }] })
  const logger = pino({ level: 'silent' })
  const registry = new WorkerRegistry({ logger })
  const workers = new EmbeddedWorkers({ registry, logger, workers: embeddedPlans('flash', tier, readCheckpointCard('flash', tier.checkpoint), 268) })
  t.teardown(async () => {
    await workers.close()
    registry.close()
  })
  await workers.whenReady()
  await registry.probe('flash-0')
  const [worker] = registry.list('flash')
  t.match(worker?.description, { engine: 'llama-server', contextTokens: 1024, checkpoint: { name: 'deepseek-v4-flash', revision: '0731', trained: true, vocabularySize: 268 } })
  const ids: number[] = []
  for await (const event of worker?.client.generate(makeJob({ checkpoint: 'deepseek-v4-flash' }), new AbortController().signal) ?? []) {
    if (event.type === 'tokens') ids.push(...event.ids)
  }
  t.same(ids, [109, 252, 171, 164, 140, 110])
})
