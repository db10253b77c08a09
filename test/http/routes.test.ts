import { once } from 'node:events'
import { connect } from 'node:net'
import t from 'tap'
import { startGateway } from './start-gateway.js'

interface Envelope { error: { message: string, type: string, param: string | null, code: string } }

await t.test('models are listed with what every client looks for', async t => {
  const { sdk, url } = await startGateway(t, { contextTokens: 4096 })
  const { data } = await sdk().models.list()
  t.ok(['deepseek-v4-pro', 'deepseek-v4-flash', 'deepseek-chat', 'auto'].every(id => data.some(model => model.id === id)))
  t.match(data[0], {
    id: 'deepseek-v4-pro',
    object: 'model',
    created: 1776988800,
    owned_by: 'deepseek',
    name: 'pro-simulated',
    context_window: 4096,
    max_output_tokens: 4096,
    max_model_len: 4096,
    context_length: 4096,
    input_modalities: ['text'],
    output_modalities: ['text'],
    effort: { supported_levels: ['low', 'high', 'max'], default_level: 'high' },
    checkpoint: { name: 'pro-simulated', revision: 'simulated', trained: false }
  })
  t.strictSame(await (await fetch(`${url}/models`)).json(), await (await fetch(`${url}/v1/models/`)).json())
})

await t.test('one model, by any name it answers to', async t => {
  const { sdk, url } = await startGateway(t, { ladder: 'preview' })
  t.match(await sdk().models.retrieve('deepseek-ai/DeepSeek-V4-Pro'), { id: 'deepseek-ai/DeepSeek-V4-Pro', name: 'pro-simulated', effort: { supported_levels: ['high', 'max'] } })
  t.match(await (await fetch(`${url}/models/deepseek-ai/DeepSeek-V4-Flash`)).json(), { name: 'flash-simulated' })
  const response = await fetch(`${url}/v1/models/gpt-5`)
  t.equal(response.status, 404)
  t.match(await response.json(), { error: { code: 'model_not_found', param: 'model', type: 'invalid_request_error' } })
})

await t.test('health, readiness and version need no key', async t => {
  let isDraining = false
  const { url, engines } = await startGateway(t, { verifyKey: () => null, isDraining: () => isDraining })
  t.match(await (await fetch(`${url}/health`)).json(), { status: 'ok' })
  t.match(await (await fetch(`${url}/ready`)).json(), { status: 'ready', tiers: { pro: true, flash: true } })
  t.match(await (await fetch(`${url}/version`)).json(), { version: '0.0.0-test', checkpoints: { pro: { name: 'pro-simulated' } } })
  isDraining = true
  const ready = await fetch(`${url}/ready`)
  t.equal(ready.status, 503)
  t.match(await ready.json(), { status: 'draining' })
  t.equal((await fetch(`${url}/health`)).status, 200)
  t.equal(engines.pro.load().running, 0)
})

await t.test('HEAD and OPTIONS are answered', async t => {
  const { url } = await startGateway(t)
  const head = await fetch(`${url}/v1/models`, { method: 'HEAD' })
  t.equal(head.status, 200)
  t.equal(await head.text(), '')
  const options = await fetch(`${url}/v1/chat/completions`, { method: 'OPTIONS' })
  t.equal(options.status, 204)
  t.match(options.headers.get('allow'), 'POST')
})

const refusals: Array<[name: string, path: string, init: RequestInit, status: number, code: string]> = [
  ['an unknown path', '/v1/embeddings', { method: 'POST', body: '{}', headers: { 'content-type': 'application/json' } }, 404, 'unknown_path'],
  ['an unknown path with a strange body', '/nothing', { method: 'POST', body: 'x', headers: { 'content-type': 'text/weird' } }, 404, 'unknown_path'],
  ['a broken escape in the path', '/v1/models/%E0%A4%A', {}, 404, 'unknown_path'],
  ['a wrong method', '/v1/chat/completions', {}, 405, 'method_not_allowed'],
  ['a wrong method on a response', '/v1/responses/abc', { method: 'PUT' }, 405, 'method_not_allowed'],
  ['a wrong method on a model', '/v1/models/auto', { method: 'DELETE' }, 405, 'method_not_allowed'],
  ['no body', '/v1/chat/completions', { method: 'POST' }, 400, 'invalid_json'],
  ['an empty JSON body', '/v1/chat/completions', { method: 'POST', body: '', headers: { 'content-type': 'application/json' } }, 400, 'invalid_json'],
  ['no JSON', '/v1/chat/completions', { method: 'POST', body: '{"model":', headers: { 'content-type': 'application/json' } }, 400, 'invalid_json'],
  ['bytes that are no UTF-8', '/v1/chat/completions', { method: 'POST', body: new Uint8Array([0x22, 0xff, 0x22]), headers: { 'content-type': 'application/json' } }, 400, 'invalid_json'],
  ['another content type', '/v1/chat/completions', { method: 'POST', body: 'a=1', headers: { 'content-type': 'application/x-www-form-urlencoded' } }, 415, 'unsupported_media_type'],
  ['a body above the limit', '/v1/chat/completions', { method: 'POST', body: `"${'x'.repeat(5000)}"`, headers: { 'content-type': 'application/json' } }, 413, 'request_too_large']
]

await t.test('refusals have the envelope, whoever refuses', async t => {
  const { url } = await startGateway(t, { settings: { bodyLimitBytes: 4096 } })
  for (const [name, path, init, status, code] of refusals) {
    const response = await fetch(`${url}${path}`, init)
    const body = await response.json() as Envelope
    t.equal(response.status, status, name)
    t.equal(body.error.code, code, name)
    t.strictSame(Object.keys(body.error), ['message', 'type', 'param', 'code'], name)
    t.match(body.error.message, `(request_id: ${response.headers.get('x-request-id')})`, name)
    t.equal(response.headers.get('x-should-retry'), 'false', name)
  }
})

await t.test('bytes that are no HTTP get the envelope too', async t => {
  const { url } = await startGateway(t)
  for (const [bytes, status, code] of [
    ['NONSENSE\r\n\r\n', 400, 'invalid_http'],
    [`GET /health HTTP/1.1\r\nhost: x\r\nx-long: ${'y'.repeat(20_000)}\r\n\r\n`, 431, 'headers_too_large']
  ] as const) {
    const socket = connect(Number(new URL(url).port), '127.0.0.1')
    let text = ''
    socket.setEncoding('utf8').on('data', piece => { text += String(piece) })
    socket.write(bytes)
    await once(socket, 'close')
    t.match(text, new RegExp(`^HTTP/1.1 ${status} `))
    t.match(JSON.parse(text.split('\r\n\r\n')[1] ?? ''), { error: { code } })
  }
})

await t.test('JSON is accepted under its relatives\' names', async t => {
  const { url } = await startGateway(t)
  for (const type of ['application/json; charset=utf-8', 'application/vnd.api+json', 'Application/JSON']) {
    const response = await fetch(`${url}/chat/completions`, { method: 'POST', headers: { 'content-type': type }, body: '\ufeff{"model":"auto","messages":[{"role":"user","content":"x"}]}' })
    t.equal(response.status, 200, type)
  }
})
