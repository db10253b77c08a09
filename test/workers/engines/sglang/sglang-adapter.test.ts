/** Against recorded wire: shapes of SGLang 0.5.23 (test/fixtures/wire/README.md). */
import t from 'tap'
import { RemoteEngine } from '../../../../workers/engines/remote/remote-engine.js'
import { SglangAdapter } from '../../../../workers/engines/sglang/sglang-adapter.js'
import { makeJob } from '../../make-job.js'
import { answerOf, idsOf, sendJson, sendStream, settingsOf, startWireServer, wireText, type Routes, type WireServer } from '../remote/wire-server.js'

const serverInfo = { grammar_backend: 'xgrammar', enable_priority_scheduling: true, incremental_streaming_output: false, enable_deterministic_inference: false }

function routesOf (stream: string, info: Partial<typeof serverInfo> = {}): Routes {
  return {
    'GET /v1/models': (_body, response) => sendJson(response, 200, { object: 'list', data: [{ id: 'deepseek-v4-flash', max_model_len: 200_000 }] }),
    'GET /server_info': (_body, response) => sendJson(response, 200, { ...serverInfo, ...info, internal_states: [] }),
    'GET /v1/loads?include=core': (_body, response) => sendJson(response, 200, JSON.parse(wireText('sglang-loads.json'))),
    'POST /generate': (_body, response) => sendStream(response, stream),
    'POST /abort_request': (_body, response) => { response.writeHead(200).end() }
  }
}

async function start (t: Parameters<typeof startWireServer>[0], routes: Routes): Promise<{ engine: RemoteEngine, server: WireServer }> {
  const server = await startWireServer(t, routes)
  const engine = new RemoteEngine(await SglangAdapter.open(settingsOf(server.url)), { pollMs: 3_600_000 })
  t.after(async () => { await engine.close() })
  return { engine, server }
}

await t.test('repeated answers become deltas, with log-probabilities; the stop token is named', async t => {
  const { engine } = await start(t, routesOf(wireText('sglang-cumulative.sse')))
  t.match(engine.describe(), { contextTokens: 200_000, capabilities: { seed: false, constraints: ['json', 'schema', 'regex', 'structural-tag'] } })
  t.same(await answerOf(engine, makeJob({ sampling: { logprobs: 1 } })), [
    { type: 'accepted', cachedTokens: null },
    { type: 'tokens', ids: [5], logprobs: [{ logprob: -0.25, top: [{ id: 5, logprob: -0.25 }] }] },
    { type: 'tokens', ids: [6, 7], logprobs: [{ logprob: -0.5, top: [{ id: 6, logprob: -0.5 }] }, { logprob: -0.75, top: [{ id: 7, logprob: -0.75 }] }] },
    { type: 'done', finish: 'stop', stopTokenId: 1, usage: { promptTokens: 3, completionTokens: 3, cachedTokens: 2 } }
  ])
})

await t.test('deltas stay deltas where the server was started to send them', async t => {
  const { engine } = await start(t, routesOf(wireText('sglang-incremental.sse'), { incremental_streaming_output: true }))
  const events = await answerOf(engine, makeJob())
  t.same(idsOf(events), [5, 6, 7, 8])
  t.match(events.at(-1), { type: 'done', finish: 'length', usage: { completionTokens: 4 } })
})

await t.test('ids that went missing break the stream instead of a silent gap', async t => {
  const { engine } = await start(t, routesOf(wireText('sglang-incremental.sse').replace('[6,7]', '[7]'), { incremental_streaming_output: true }))
  t.match((await answerOf(engine, makeJob())).at(-1), { type: 'fail', code: 'engine-stream-broken' })
})

await t.test('the request: ids in, everything said, grammar after reasoning', async t => {
  const { engine, server } = await start(t, routesOf(wireText('sglang-cumulative.sse')))
  await answerOf(engine, makeJob({ constraint: { kind: 'json' }, constraintAfterTokenId: 9, priority: 4, cacheSalt: 'tenant', sampling: { seed: 7, temperature: 0.5, stopTokenIds: [1, 2] } }))
  t.same(server.seen.find(({ path }) => path === '/generate')?.body, {
    rid: 'request-1-1',
    input_ids: [11, 12, 13],
    sampling_params: { temperature: 0.5, top_p: 1, top_k: -1, max_new_tokens: 8, stop_token_ids: [1, 2], sampling_seed: 7, json_schema: '{"type":"object"}' },
    stream: true,
    require_reasoning: true,
    priority: 4,
    cache_salt: 'tenant'
  })
})

await t.test('load over all ranks, and from /metrics where /v1/loads is not', async t => {
  const { engine, server } = await start(t, routesOf(''))
  await engine.poll()
  t.match(engine.load(), { running: 5, waiting: 1, queuedTokens: 700, kvUsedTokens: 13_000, kvCapacityTokens: 200_000, promptTokensTotal: 0 })
  server.routes = {
    'GET /metrics': (_body, response) => { response.end('sglang:num_running_reqs{tp_rank="0"} 2.0\nsglang:num_queue_reqs{tp_rank="0"} 9.0\nsglang:num_queue_reqs_total 50.0\n') }
  }
  await engine.poll()
  t.match(engine.load(), { running: 2, waiting: 9, kvCapacityTokens: null })
})

await t.test('a client that leaves: the connection closes, and the request is aborted in words', async t => {
  const routes = routesOf('')
  routes['POST /generate'] = (_body, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write(wireText('sglang-cumulative.sse').split('\n\n')[0] + '\n\n')
  }
  let markAborted: (body: unknown) => void = () => {}
  const abortion = new Promise(resolve => { markAborted = resolve })
  routes['POST /abort_request'] = (body, response) => {
    response.end()
    markAborted(body)
  }
  const { engine, server } = await start(t, routes)
  const controller = new AbortController()
  for await (const event of engine.generate(makeJob(), controller.signal)) {
    if (event.type === 'tokens') controller.abort()
  }
  await server.hungUp
  t.same(await abortion, { rid: 'request-1-1' })
})

await t.test('the scheduler\'s own abort, and an error event, say whose fault it was', async t => {
  const abort = { text: '', output_ids: [], meta_info: { id: 'r', finish_reason: { type: 'abort', message: 'queue full', status_code: 503, err_type: null }, prompt_tokens: 3, completion_tokens: 0 } }
  const cases = [
    [abort, { code: 'queue-full', blame: 'worker', retryable: true }],
    [{ error: { message: "The input (9 tokens) is longer than the model's context length (8 tokens)", code: 400 } }, { code: 'context-overflow', blame: 'request', retryable: false }]
  ] as const
  for (const [data, expected] of cases) {
    const { engine } = await start(t, routesOf(`data: ${JSON.stringify(data)}\n\ndata: [DONE]\n\n`))
    t.match((await answerOf(engine, makeJob())).at(-1), { type: 'fail', ...expected })
  }
})

await t.test('a killed server is noticed', async t => {
  const { engine, server } = await start(t, routesOf(''))
  await server.stop()
  for (let polls = 0; polls < 3; polls++) await engine.poll()
  t.match(await engine.failed, { message: /the engine is gone/ })
})
