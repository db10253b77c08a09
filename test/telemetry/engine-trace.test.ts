/** The trace that a client began arrives at the engine's own server, by way of gateway, worker and the wire of the engine. */
import { InMemorySpanExporter } from '@opentelemetry/sdk-trace-base'
import { pino } from 'pino'
import t from 'tap'
import { EngineServer } from '../../workers/engines/remote/engine-server.js'
import { RemoteEngine } from '../../workers/engines/remote/remote-engine.js'
import { traceContext, traceHeadersOf } from '../../workers/engines/remote/trace-context.js'
import { VllmAdapter } from '../../workers/engines/vllm/vllm-adapter.js'
import { createHostServer } from '../../workers/host/host-server.js'
import { WorkerHost } from '../../workers/host/worker-host.js'
import { createTracer } from '../../src/telemetry/create-tracer.js'
import { sendJson, sendStream, settingsOf, startWireServer, wireText, type Routes } from '../workers/engines/remote/wire-server.js'
import { makeJob } from '../workers/make-job.js'

const traceId = '0af7651916cd43dd8448eb211c80319c'
const clientsParent = `00-${traceId}-b7ad6b7169203331-01`
const generatePath = '/inference/v1/generate'

const routes: Routes = {
  'GET /v1/models': (_body, response) => sendJson(response, 200, { object: 'list', data: [{ id: 'deepseek-v4-flash', max_model_len: 131_072 }] }),
  'GET /health': (_body, response) => { response.end() },
  'GET /metrics': (_body, response) => { response.end(wireText('vllm-metrics.txt')) },
  [`POST ${generatePath}`]: (body, response) => {
    if (typeof body === 'object' && body !== null && 'stream' in body) sendStream(response, wireText('vllm-tokens.sse'))
    else sendJson(response, 400, { error: { message: 'validation errors', code: 400 } })
  }
}

await t.test('the attempt\'s span is the parent of what the engine does', async t => {
  const exporter = new InMemorySpanExporter()
  const trace = createTracer({ version: 'test', endpoint: 'http://unused.invalid', sampleShare: 0, exporter }).begin({ traceparent: clientsParent, tracestate: 'vendor=1' }, Date.now())
  const attempt = trace.attempt({})

  const wire = await startWireServer(t, routes)
  const engine = new RemoteEngine(await VllmAdapter.open(settingsOf(wire.url, {})), { pollMs: 3_600_000 })
  const job = makeJob({ sampling: { maxTokens: 3 } })
  const host = createHostServer(new WorkerHost({ workerId: 'flash-0', tier: job.tier }, Promise.resolve(engine)), pino({ level: 'silent' }))
  const address = await host.listen({ host: '127.0.0.1', port: 0 })
  t.after(async () => {
    await host.close()
    await engine.close()
  })
  const checkpoint = engine.describe().checkpoint.name
  const generate = async (headers: Record<string, string>): Promise<void> => {
    const response = await fetch(`${address}/v1/generate`, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify({ ...job, checkpoint }) })
    t.match(await response.text(), '"type":"done"')
  }
  await generate({ ...attempt.headers })
  attempt.end({}, null)
  await generate({})

  const jobs = wire.seen.filter(({ path, body }) => path === generatePath && typeof body === 'object' && body !== null && 'stream' in body)
  t.equal(jobs.length, 2)
  const [attemptSpan] = exporter.getFinishedSpans()
  t.match(jobs[0]?.headers, { traceparent: `00-${traceId}-${attemptSpan?.spanContext().spanId}-01`, tracestate: 'vendor=1' })
  t.equal(jobs[1]?.headers['traceparent'], undefined, 'a job without a trace has none, whatever came before it')
  await engine.poll()
  t.equal(wire.seen.at(-1)?.headers['traceparent'], undefined, 'nor have probes')
})

await t.test('every way that an adapter asks for a job carries it', async t => {
  const wire = await startWireServer(t, {
    'POST /stream': (_body, response) => sendStream(response, 'data: {"n":1}\n\ndata: [DONE]\n\n'),
    'POST /whole': (_body, response) => sendJson(response, 200, {})
  })
  const server = new EngineServer({ url: wire.url, apiKey: null })
  t.after(async () => { await server.close() })
  const { signal } = new AbortController()
  await traceContext.run({ traceparent: clientsParent }, async () => {
    for await (const data of server.stream('/stream', {}, signal)) t.same(data, { n: 1 })
    await server.whole('/whole', {}, signal)
  })
  t.strictSame(wire.seen.map(({ path, headers }) => [path, headers['traceparent']]), [['/stream', clientsParent], ['/whole', clientsParent]])
})

await t.test('only what is well-formed is passed on', async t => {
  t.strictSame(traceHeadersOf({ traceparent: clientsParent, tracestate: 'a=1' }), { traceparent: clientsParent, tracestate: 'a=1' })
  t.strictSame(traceHeadersOf({ traceparent: 'nonsense', tracestate: 'a=1' }), {})
  t.strictSame(traceHeadersOf({ tracestate: 'a=1' }), {})
  t.strictSame(traceHeadersOf({ traceparent: clientsParent, tracestate: 'x'.repeat(600) }), { traceparent: clientsParent })
})
