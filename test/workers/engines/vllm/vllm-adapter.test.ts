/** Against wire recorded from vLLM 0.32 (test/fixtures/wire/README.md); test/parity/engine-servers.test.js runs the program. */
import t from 'tap'
import { RemoteEngine } from '../../../../workers/engines/remote/remote-engine.js'
import { VllmAdapter } from '../../../../workers/engines/vllm/vllm-adapter.js'
import { makeJob } from '../../make-job.js'
import { answerOf, idsOf, sendJson, sendStream, settingsOf, startWireServer, wireText, type Routes, type WireServer } from '../remote/wire-server.js'

const generatePath = 'POST /inference/v1/generate'

function hasStream (body: unknown): boolean {
  return typeof body === 'object' && body !== null && 'stream' in body
}

function isEmpty (body: unknown): boolean {
  return typeof body === 'object' && body !== null && Object.keys(body).length === 0
}

/** A server that can do everything, but for probes that a test lets fail. */
function routesOf (stream: string, refuses: (body: string) => boolean = () => false): Routes {
  return {
    'GET /v1/models': (_body, response) => sendJson(response, 200, { object: 'list', data: [{ id: 'deepseek-v4-flash', max_model_len: 131_072 }] }),
    'GET /health': (_body, response) => { response.end() },
    'GET /metrics': (_body, response) => { response.end(wireText('vllm-metrics.txt')) },
    [generatePath]: (body, response) => {
      if (hasStream(body)) sendStream(response, stream)
      else if (isEmpty(body) || refuses(JSON.stringify(body))) sendJson(response, 400, { error: { message: '2 validation errors', code: 400 } })
      else sendJson(response, 200, { choices: [] })
    },
    'POST /inference/v1/abort_requests': (_body, response) => { response.end() }
  }
}

async function start (t: Parameters<typeof startWireServer>[0], routes: Routes, apiKey: string | null = null): Promise<{ engine: RemoteEngine, server: WireServer }> {
  const server = await startWireServer(t, routes)
  const engine = new RemoteEngine(await VllmAdapter.open(settingsOf(server.url, { apiKey })), { pollMs: 3_600_000 })
  t.after(async () => { await engine.close() })
  return { engine, server }
}

await t.test('deltas of ids with log-probabilities; the counts come behind the finish', async t => {
  const { engine } = await start(t, routesOf(wireText('vllm-tokens.sse').replace('"cached_tokens":0', '"cached_tokens":2')))
  t.same(await answerOf(engine, makeJob({ sampling: { logprobs: 0, maxTokens: 3 } })), [
    { type: 'accepted', cachedTokens: null },
    { type: 'tokens', ids: [215], logprobs: [{ logprob: -5.193942070007324, top: [] }] },
    { type: 'tokens', ids: [189], logprobs: [{ logprob: -5.133038520812988, top: [] }] },
    { type: 'tokens', ids: [19], logprobs: [{ logprob: -5.315120697021484, top: [] }] },
    { type: 'done', finish: 'length', stopTokenId: null, usage: { promptTokens: 3, completionTokens: 3, cachedTokens: 2 } }
  ])
})

await t.test('capabilities are what the server did when asked, not what its version promises', async t => {
  const { engine } = await start(t, routesOf('', body => body.includes('structural_tag') || body.includes('logprobs')))
  t.same(engine.describe().capabilities, { tokenIds: true, resume: true, logprobs: false, seed: true, constraints: ['json', 'schema', 'regex'] })
  t.equal(engine.describe().contextTokens, 131_072)
})

await t.test('a server without the token wire is refused with what to do', async t => {
  const routes = routesOf('')
  routes[generatePath] = (_body, response) => sendJson(response, 403, { error: { message: 'Scale-out endpoints are disabled.', code: 403 } })
  await t.rejects(start(t, routes), /start vLLM with --enable-scale-out or --tokens-only/)
  const { [generatePath]: _gone, ...older } = routesOf('')
  await t.rejects(start(t, older), /does not take token ids .* \(404\)/)
})

await t.test('the request says every limit; the grammar waits for the end of reasoning', async t => {
  const { engine, server } = await start(t, routesOf(wireText('vllm-tokens.sse')), 'sk-inner')
  await answerOf(engine, makeJob({ attempt: 2, cacheSalt: 'tenant', priority: 3, constraint: { kind: 'schema', schema: { type: 'object' } }, constraintAfterTokenId: 9, sampling: { temperature: 0.6, topK: 5, seed: 1, minTokens: 2, stopTokenIds: [1, 2] } }))
  const request = server.seen.find(({ body }) => hasStream(body))
  t.match(request?.headers, { authorization: 'Bearer sk-inner', 'x-request-id': 'request-1-2' })
  t.same(request?.body, {
    request_id: 'request-1-2',
    model: 'deepseek-v4-flash',
    token_ids: [11, 12, 13],
    sampling_params: {
      temperature: 0.6,
      top_p: 1,
      max_tokens: 8,
      stop_token_ids: [1, 2],
      detokenize: false,
      top_k: 5,
      seed: 1,
      min_tokens: 2,
      structured_outputs: { json: { type: 'object' } }
    },
    output_mode: 'tokens',
    stream: true,
    stream_options: { include_usage: true },
    cache_salt: 'tenant',
    reasoning_ended: false
  })
})

await t.test('stop tokens: named by the server, or last in the ids at the end of the sentence', async t => {
  const ending = (stop: string): string => `data: {"choices":[{"index":0,"finish_reason":"stop","stop_reason":${stop},"token_ids":[5,1]}]}\n\ndata: [DONE]\n\n`
  for (const stop of ['1', 'null']) {
    const { engine } = await start(t, routesOf(ending(stop)))
    const events = await answerOf(engine, makeJob())
    t.same(idsOf(events), [5])
    t.match(events.at(-1), { type: 'done', finish: 'stop', stopTokenId: 1, usage: { completionTokens: 1 } })
  }
})

await t.test('an abort: the connection closes, and the id that vLLM knows is aborted', async t => {
  const routes = routesOf('')
  const plain = routes[generatePath]
  routes[generatePath] = (body, response) => {
    if (!hasStream(body)) return plain?.(body, response)
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write(wireText('vllm-tokens.sse').split('\n\n')[0] + '\n\n')
  }
  let markAborted: (body: unknown) => void = () => {}
  const abortion = new Promise(resolve => { markAborted = resolve })
  const { engine, server } = await start(t, routes)
  server.routes['POST /inference/v1/abort_requests'] = (body, response) => {
    response.end()
    markAborted(body)
  }
  const controller = new AbortController()
  for await (const event of engine.generate(makeJob(), controller.signal)) {
    if (event.type === 'tokens') controller.abort()
  }
  await server.hungUp
  t.same(await abortion, { request_ids: ['generate-tokens-request-1-1'] })
})

await t.test('errors in the stream, and an answer in another mode', async t => {
  const tooLong = 'data: {"error": {"message": "The decoder prompt (length 600) is longer than the maximum model length of 512.", "type": "BadRequestError", "param": null, "code": 400}}\n\ndata: [DONE]\n\n'
  const cases = [
    [tooLong, { code: 'context-overflow', blame: 'request', retryable: false }],
    ['data: {"error": {"message": "EngineDeadError", "code": 500}}\n\n', { code: 'engine-error', blame: 'worker', retryable: true }],
    [wireText('vllm-tokens.sse').replaceAll('"tokens"', '"text"'), { code: 'engine-stream-broken', retryable: true }],
    [wireText('vllm-tokens.sse').split('\n\n')[0] + '\n\n', { code: 'engine-stream-broken', retryable: true }]
  ] as const
  for (const [stream, expected] of cases) {
    const { engine } = await start(t, routesOf(stream))
    t.match((await answerOf(engine, makeJob())).at(-1), { type: 'fail', ...expected })
  }
})

await t.test('load from the metrics; a dead engine behind a living server ends the worker', async t => {
  const { engine, server } = await start(t, routesOf(''))
  await engine.poll()
  t.match(engine.load(), { running: 0, waiting: 0, kvUsedTokens: 0, kvCapacityTokens: 1_048_576, generatedTokensTotal: Number })
  server.routes['GET /health'] = (_body, response) => { response.writeHead(503).end() }
  await engine.poll()
  t.match(await engine.failed, { message: /dead engine/ })
})
