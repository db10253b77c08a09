/** Every kind of refusal and failure in Anthropic's dialect. */
import t from 'tap'
import Anthropic from '@anthropic-ai/sdk'
import type { MessageCreateParamsNonStreaming } from '@anthropic-ai/sdk/resources/messages'
import { hashSecret } from '../../src/accounts/keys.js'
import { createKeyVerifier } from '../../src/http/key-verifier.js'
import { says, startGateway, type Gateway, type GatewayOptions } from '../http/start-gateway.js'

const hello: MessageCreateParamsNonStreaming = { model: 'claude-haiku', max_tokens: 100, messages: [{ role: 'user', content: 'Hello' }] }
const verifyKey = createKeyVerifier([hashSecret('sk-right')])

function sdkOf ({ url }: Gateway, options: object = {}): Anthropic {
  return new Anthropic({ baseURL: url, apiKey: 'none', maxRetries: 0, ...options })
}

const fail = (afterTokens: number) => ({ simulator: { faults: [{ kind: 'fail' as const, afterTokens, event: { code: 'out-of-memory', message: 'secret details', blame: 'worker' as const, retryable: false } }] }, dispatcher: { retries: { maxAttempts: 1 } } })

interface Expected { class: new (...parameters: never[]) => Error, status: number, type: string, message: RegExp, retry?: boolean }

const table: Array<[name: string, options: GatewayOptions, fields: object, expected: Expected]> = [
  ['an unknown model', {}, { model: 'gpt-5' }, { class: Anthropic.NotFoundError, status: 404, type: 'not_found_error', message: /gpt-5/ }],
  ['a wrong value', {}, { temperature: 3 }, { class: Anthropic.BadRequestError, status: 400, type: 'invalid_request_error', message: /temperature/ }],
  ['a wrong type', {}, { messages: 'x' }, { class: Anthropic.BadRequestError, status: 400, type: 'invalid_request_error', message: /messages: invalid type/ }],
  ['an effort nobody knows', {}, { output_config: { effort: 'minimal' } }, { class: Anthropic.BadRequestError, status: 400, type: 'invalid_request_error', message: /unknown variant `minimal`/ }],
  ['a missing field', {}, { max_tokens: undefined }, { class: Anthropic.BadRequestError, status: 400, type: 'invalid_request_error', message: /max_tokens/ }],
  ['an image', {}, { messages: [{ role: 'user', content: [{ type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AA==' } }] }] }, { class: Anthropic.BadRequestError, status: 400, type: 'invalid_request_error', message: /reads text only: content of type 'image'/ }],
  ['a PDF', {}, { messages: [{ role: 'user', content: [{ type: 'document', source: { type: 'base64', media_type: 'application/pdf', data: 'AA==' } }] }] }, { class: Anthropic.BadRequestError, status: 400, type: 'invalid_request_error', message: /'document'/ }],
  ['a call without its result', {}, { messages: [...hello.messages, { role: 'assistant', content: [{ type: 'tool_use', id: 'toolu_1', name: 'f', input: {} }] }] }, { class: Anthropic.BadRequestError, status: 400, type: 'invalid_request_error', message: /`tool_use` ids were found without `tool_result` blocks immediately after: toolu_1/ }],
  ['a tool twice', {}, { tools: [{ name: 'f', input_schema: { type: 'object' } }, { name: 'f', input_schema: { type: 'object' } }] }, { class: Anthropic.BadRequestError, status: 400, type: 'invalid_request_error', message: /unique/ }],
  ['a prompt that is too long', { contextTokens: 100 }, { messages: [{ role: 'user', content: 'word '.repeat(200) }] }, { class: Anthropic.BadRequestError, status: 400, type: 'invalid_request_error', message: /prompt is too long: \d+ tokens > 100 maximum/ }],
  ['a completion that is too long, where the settings refuse', { contextTokens: 1000, settings: { overlongCompletion: 'refuse' } }, { max_tokens: 1000 }, { class: Anthropic.BadRequestError, status: 400, type: 'invalid_request_error', message: /input length and `max_tokens` exceed context limit: \d+ \+ 1000 > 1000/ }],
  ['no key', { verifyKey }, {}, { class: Anthropic.AuthenticationError, status: 401, type: 'authentication_error', message: /Authentication Fails/ }],
  ['a worker that fails', fail(0), {}, { class: Anthropic.InternalServerError, status: 502, type: 'api_error', message: /./, retry: true }],
  ['a gateway that is going away', { isDraining: () => true }, {}, { class: Anthropic.InternalServerError, status: 529, type: 'overloaded_error', message: /shutting down/, retry: true }]
]

for (const [name, options, fields, expected] of table) {
  await t.test(name, async t => {
    const gateway = await startGateway(t, options)
    const error: unknown = await sdkOf(gateway).messages.create({ ...hello, ...fields } as MessageCreateParamsNonStreaming).catch((thrown: unknown) => thrown)
    if (!(error instanceof Anthropic.APIError)) throw new Error('the call was answered')
    t.ok(error instanceof expected.class, error.constructor.name)
    t.equal(error.status, expected.status)
    t.match(error.error, { type: 'error', error: { type: expected.type, message: expected.message }, request_id: error.requestID })
    t.strictSame(Object.keys(error.error as object), ['type', 'error', 'request_id'])
    t.match(error.requestID, /^[0-9a-f-]{36}$/)
    t.equal(error.headers?.get('x-should-retry'), String(expected.retry ?? false))
  })
}

await t.test('max_tokens beyond the context is cut to what is left', async t => {
  const gateway = await startGateway(t, { contextTokens: 1000 })
  await sdkOf(gateway).messages.create({ ...hello, max_tokens: 32_000, stream: true })
  t.equal(gateway.jobs[0]?.sampling.maxTokens, 1000 - (gateway.jobs[0]?.tokenIds.length ?? 0))
})

await t.test('a failure in mid-stream is an error event that the SDK throws', async t => {
  const gateway = await startGateway(t, { answer: says('one two three four'), ...fail(2) })
  const texts: string[] = []
  const stream = sdkOf(gateway).messages.stream({ ...hello, thinking: { type: 'disabled' } }).on('text', text => texts.push(text))
  const error: unknown = await stream.finalMessage().catch((thrown: unknown) => thrown)
  t.ok(error instanceof Anthropic.APIError)
  t.match(error, { error: { type: 'error', error: { type: 'api_error' } } })
  t.equal(texts.join(''), 'one two')

  const raw = await (await fetch(`${gateway.url}/v1/messages`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ ...hello, stream: true }) })).text()
  t.match(raw, /event: error\ndata: \{"type":"error","error":\{"type":"api_error","message":"[^"]+"\},"request_id":"[^"]+"\}\n\n$/)
  t.notMatch(raw, 'message_stop')
})

await t.test('either header may carry the key, and two at once do no harm', async t => {
  const gateway = await startGateway(t, { verifyKey })
  for (const options of [{ apiKey: 'sk-right' }, { apiKey: null, authToken: 'sk-right' }, { apiKey: 'other', defaultHeaders: { authorization: 'Bearer sk-right' } }]) {
    t.equal((await sdkOf(gateway, options).messages.create(hello)).role, 'assistant')
  }
})

await t.test('refusals that happen before a route have the envelope too', async t => {
  const { url } = await startGateway(t, { settings: { bodyLimitBytes: 4096 } })
  const json = { 'content-type': 'application/json' }
  for (const [path, init, status, type] of [
    ['/v1/messages', { method: 'POST', headers: json, body: '{"model":' }, 400, 'invalid_request_error'],
    ['/v1/messages', { method: 'POST', headers: json, body: `"${'x'.repeat(5000)}"` }, 413, 'request_too_large'],
    ['/v1/messages', { method: 'POST', body: 'x', headers: { 'content-type': 'text/weird' } }, 415, 'invalid_request_error'],
    ['/v1/messages', {}, 405, 'invalid_request_error'],
    ['/v1/messages/batches', { method: 'POST', headers: json, body: '{}' }, 404, 'not_found_error'],
    ['/anthropic/v1/nothing', {}, 404, 'not_found_error'],
    ['/v1/messages/count_tokens', { method: 'POST', headers: json, body: '{}' }, 400, 'invalid_request_error']
  ] as const) {
    const response = await fetch(url + path, init)
    t.equal(response.status, status, path)
    t.match(await response.json(), { type: 'error', error: { type }, request_id: response.headers.get('request-id') })
  }
})
