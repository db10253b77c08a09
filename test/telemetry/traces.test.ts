/** Spans as an exporter gets them, as a collector gets them by OTLP, and the context as a worker gets it. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import { InMemorySpanExporter, type ReadableSpan } from '@opentelemetry/sdk-trace-base'
import t from 'tap'
import { createTracer } from '../../src/telemetry/create-tracer.js'
import { createLogger } from '../../src/telemetry/create-logger.js'
import { says } from '../http/start-gateway.js'
import { settled, startAdmin } from '../http/admin/start-admin.js'

const traceId = '0af7651916cd43dd8448eb211c80319c'
const callerSpanId = 'b7ad6b7169203331'
const messages = [{ role: 'user', content: 'The word is xylophone.' }]

function parentOf (span: ReadableSpan | undefined): string | undefined {
  return span?.parentSpanContext?.spanId
}

await t.test('a span for every step, under the caller\'s, and its context goes on to the worker', async t => {
  const exporter = new InMemorySpanExporter()
  const lines: string[] = []
  const tracer = createTracer({ version: 'test', endpoint: 'http://unused.invalid', sampleShare: 0, exporter })
  const { gateway, telemetry, adminUrl } = await startAdmin(t, { answer: says('Hm.</think>Fine.'), watching: { tracer }, logger: createLogger('info', { write: line => { lines.push(line) } }) })
  await (await gateway.post({ model: 'deepseek-v4-pro', messages, max_tokens: 100 }, { traceparent: `00-${traceId}-${callerSpanId}-01` })).text()
  await settled(telemetry)

  const spans = exporter.getFinishedSpans()
  const named = (name: string): ReadableSpan | undefined => spans.find(span => span.name === name)
  const root = named('chat deepseek-v4-pro')
  t.equal(parentOf(root), callerSpanId)
  t.ok(spans.every(span => span.spanContext().traceId === traceId))
  for (const name of ['receive', 'dialect', 'policy', 'tokenise', 'queue', 'worker attempt', 'answer']) t.equal(parentOf(named(name)), root?.spanContext().spanId, name)
  t.match(root?.attributes, {
    'gen_ai.operation.name': 'chat',
    'gen_ai.provider.name': 'deepseek',
    'gen_ai.request.model': 'deepseek-v4-pro',
    'gen_ai.request.max_tokens': 100,
    'gen_ai.response.finish_reasons': ['stop'],
    'gen_ai.usage.output_tokens': Number,
    'gearbox.tier': 'pro',
    'gearbox.tier_reason': 'pinned-by-model'
  })
  t.notMatch(JSON.stringify(spans.map(({ attributes }) => attributes)), 'xylophone')

  const jobEnded = lines.map(line => JSON.parse(line) as { msg: string, traceparent?: string }).find(({ msg }) => msg === 'job ended')
  t.equal(jobEnded?.traceparent, `00-${traceId}-${named('worker attempt')?.spanContext().spanId}-01`)
  t.match(await (await fetch(`${adminUrl}/admin/api/decisions`)).json(), { decisions: [{ traceId }] })
})

await t.test('a failure is told on the span', async t => {
  const exporter = new InMemorySpanExporter()
  const { gateway, telemetry } = await startAdmin(t, { watching: { tracer: createTracer({ version: 'test', endpoint: 'http://unused.invalid', sampleShare: 1, exporter }) } })
  await (await gateway.post({ model: 'no-such-model', messages })).text()
  await settled(telemetry)
  t.match(exporter.getFinishedSpans().find(({ name }) => name === 'request'), { attributes: { 'error.type': 'unsupported_model' }, status: { code: 2 } })
})

await t.test('a request that nobody samples leaves no span', async t => {
  const exporter = new InMemorySpanExporter()
  const { gateway, telemetry } = await startAdmin(t, { watching: { tracer: createTracer({ version: 'test', endpoint: 'http://unused.invalid', sampleShare: 0, exporter }) } })
  await (await gateway.post({ model: 'auto', messages })).text()
  await (await gateway.post({ model: 'auto', messages }, { traceparent: 'nonsense' })).text()
  await settled(telemetry)
  t.strictSame(exporter.getFinishedSpans(), [])
})

await t.test('a collector on loopback gets them by OTLP over HTTP', async t => {
  const bodies: Array<{ url: string, text: string }> = []
  const collector = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk)).on('end', () => {
      bodies.push({ url: request.url ?? '', text: Buffer.concat(chunks).toString('utf8') })
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
    })
  })
  collector.listen(0, '127.0.0.1')
  await once(collector, 'listening')
  t.teardown(() => { collector.close() })
  const address = collector.address()
  const port = typeof address === 'object' ? address?.port : 0
  const { gateway, telemetry } = await startAdmin(t, { watching: { tracer: createTracer({ version: 'test', endpoint: `http://127.0.0.1:${port}/`, sampleShare: 1 }), recordsContent: true } })
  await (await gateway.post({ model: 'auto', messages })).text()
  await settled(telemetry)
  await telemetry.close()

  t.ok(bodies.length > 0 && bodies.every(({ url }) => url === '/v1/traces'))
  const names = bodies.flatMap(({ text }) => (JSON.parse(text) as { resourceSpans: Array<{ scopeSpans: Array<{ spans: Array<{ name: string }> }> }> }).resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans.map(({ name }) => name))))
  t.ok(names.includes('chat deepseek-v4-flash') && names.includes('worker attempt'))
  t.match(bodies.map(({ text }) => text).join(''), 'xylophone', 'content, since it was asked for')
})
