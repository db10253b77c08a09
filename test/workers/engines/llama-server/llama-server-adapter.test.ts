/**
 * Against wire recorded from llama-server, build 10434 (test/fixtures/wire/README.md); test/parity/ runs the program itself
 * where it is installed.
 */
import t from 'tap'
import { LlamaServerAdapter } from '../../../../workers/engines/llama-server/llama-server-adapter.js'
import { RemoteEngine } from '../../../../workers/engines/remote/remote-engine.js'
import { makeJob } from '../../make-job.js'
import { answerOf, sendJson, sendStream, served, settingsOf, startWireServer, wireText, type Routes, type WireServer } from '../remote/wire-server.js'

function routesOf (stream: string, vocabulary = 268): Routes {
  return {
    'GET /health': (_body, response) => sendJson(response, 200, { status: 'ok' }),
    'GET /props': (_body, response) => sendJson(response, 200, { default_generation_settings: { n_ctx: 1024, params: {} }, total_slots: 2 }),
    'GET /v1/models': (_body, response) => sendJson(response, 200, { data: [{ id: 'flash.gguf', meta: { n_vocab: vocabulary } }] }),
    'GET /metrics': (_body, response) => { response.end('llamacpp:requests_processing 1\nllamacpp:requests_deferred 2\n') },
    'POST /completion': (_body, response) => sendStream(response, stream),
    'POST /tokenize': (_body, response) => sendJson(response, 200, { tokens: [252, 171, 164, 140] })
  }
}

async function start (t: Parameters<typeof startWireServer>[0], routes: Routes): Promise<{ engine: RemoteEngine, server: WireServer }> {
  const server = await startWireServer(t, routes)
  const settings = settingsOf(server.url, { served: { ...served, vocabularySize: 268 } })
  const engine = new RemoteEngine(await LlamaServerAdapter.open(settings), { pollMs: 3_600_000 })
  t.after(async () => { await engine.close() })
  return { engine, server }
}

await t.test('ids of an incomplete character are withheld by the server, and found again', async t => {
  const { engine, server } = await start(t, routesOf(wireText('llama-server-emoji.sse')))
  t.same(await answerOf(engine, makeJob()), [
    { type: 'accepted', cachedTokens: null },
    { type: 'tokens', ids: [109] },
    { type: 'tokens', ids: [252, 171, 164, 140] },
    { type: 'tokens', ids: [110] },
    { type: 'done', finish: 'stop', stopTokenId: 1, usage: { promptTokens: 3, completionTokens: 6, cachedTokens: 0 } }
  ])
  t.same(server.seen.find(({ path }) => path === '/tokenize')?.body, { content: '😀', add_special: false, parse_special: false })
})

await t.test('ids that cannot be found again break the stream', async t => {
  const routes = routesOf(wireText('llama-server-emoji.sse'))
  routes['POST /tokenize'] = (_body, response) => sendJson(response, 200, { tokens: [140] })
  const { engine } = await start(t, routes)
  t.match((await answerOf(engine, makeJob())).at(-1), { type: 'fail', code: 'engine-stream-broken', retryable: true })
})

await t.test('a job with log-probabilities is answered in one piece', async t => {
  const routes = routesOf('')
  routes['POST /completion'] = (_body, response) => sendJson(response, 200, JSON.parse(wireText('llama-server-whole.json')))
  const { engine, server } = await start(t, routes)
  t.same(await answerOf(engine, makeJob({ sampling: { logprobs: 1, maxTokens: 2 } })), [
    { type: 'accepted', cachedTokens: null },
    {
      type: 'tokens',
      ids: [189, 208],
      logprobs: [
        { logprob: -3.0233497619628906, top: [{ id: 189, logprob: -3.0233497619628906 }] },
        { logprob: -3.1918067932128906, top: [{ id: 208, logprob: -3.1918067932128906 }] }
      ]
    },
    { type: 'done', finish: 'length', stopTokenId: null, usage: { promptTokens: 3, completionTokens: 2, cachedTokens: 1 } }
  ])
  t.match(server.seen.find(({ path }) => path === '/completion')?.body, { stream: false, n_probs: 1, post_sampling_probs: false })
})

await t.test('every sampling setting is said, since the server has defaults of its own', async t => {
  const { engine, server } = await start(t, routesOf(wireText('llama-server-emoji.sse')))
  await answerOf(engine, makeJob({ cacheSalt: 'one', constraint: { kind: 'schema', schema: { type: 'object' } }, sampling: { logitBias: { 5: -2 }, seed: -1 } }))
  await answerOf(engine, makeJob({ cacheSalt: 'two' }))
  const [first, second] = server.seen.filter(({ path }) => path === '/completion').map(({ body }) => body)
  t.same(first, {
    prompt: [11, 12, 13],
    stream: true,
    return_tokens: true,
    cache_prompt: true,
    n_predict: 8,
    temperature: 0,
    top_k: 0,
    top_p: 1,
    min_p: 0,
    samplers: ['penalties', 'temperature', 'top_k', 'top_p', 'min_p'],
    repeat_penalty: 1,
    presence_penalty: 0,
    frequency_penalty: 0,
    repeat_last_n: 11,
    logit_bias: [[5, -2]],
    seed: 4_294_967_295,
    json_schema: { type: 'object' }
  })
  t.match(second, { cache_prompt: false }, 'prefixes are not shared between salts')
})

await t.test('errors: one that is too long, one in the middle of a stream', async t => {
  const { engine, server } = await start(t, routesOf('data: {"error":{"code":500,"message":"The model produced output that does not match the expected Content-only format","type":"server_error"}}\n\n'))
  t.match((await answerOf(engine, makeJob())).at(-1), { type: 'fail', code: 'engine-error', blame: 'worker', retryable: true })
  const overflow = { error: { code: 400, message: 'request (1100 tokens) exceeds the available context size (1024 tokens), try increasing it', type: 'exceed_context_size_error' } }
  server.routes = { 'POST /completion': (_body, response) => sendJson(response, 400, overflow) }
  t.match((await answerOf(engine, makeJob())).at(-1), { type: 'fail', code: 'context-overflow', blame: 'request', retryable: false })
  t.match((await answerOf(engine, makeJob({ constraint: { kind: 'json' }, constraintAfterTokenId: 9 }))).at(-1), { type: 'fail', code: 'unsupported-constraint' })
})

await t.test('what it says of itself, and a model with another vocabulary', async t => {
  const { engine } = await start(t, routesOf(''))
  t.match(engine.describe(), { engine: 'llama-server', contextTokens: 1024, capabilities: { tokenIds: true, resume: true, constraints: ['json', 'schema'] } })
  await engine.poll()
  t.match(engine.load(), { running: 1, waiting: 2, kvCapacityTokens: 2048, kvUsedTokens: null })
  await t.rejects(start(t, routesOf('', 32)), /vocabulary of 32/)
})
