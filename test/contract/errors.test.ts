/** Every kind of refusal, as the official SDK's users meet it. */
import t from 'tap'
import OpenAI from 'openai'
import type { ChatCompletionCreateParamsNonStreaming } from 'openai/resources/chat/completions'
import { hashSecret } from '../../src/accounts/keys.js'
import { createKeyVerifier } from '../../src/http/key-verifier.js'
import { says, startGateway, type GatewayOptions } from '../http/start-gateway.js'

const hello = { model: 'auto', messages: [{ role: 'user' as const, content: 'Hello' }] }
const verifyKey = createKeyVerifier([hashSecret('sk-right')])

async function errorOf (t: Parameters<typeof startGateway>[0], options: GatewayOptions, parameters: object, client: Parameters<Awaited<ReturnType<typeof startGateway>>['sdk']>[0] = {}): Promise<InstanceType<typeof OpenAI.APIError>> {
  const { sdk } = await startGateway(t, options)
  const thrown: unknown = await sdk(client).chat.completions.create({ ...hello, ...parameters } as ChatCompletionCreateParamsNonStreaming).catch((error: unknown) => error)
  if (thrown instanceof OpenAI.APIError) return thrown
  throw new Error('the call was answered')
}

const fault = (code: string, blame: 'worker' | 'request', retryable: boolean) => ({ simulator: { faults: [{ kind: 'fail' as const, afterTokens: 0, event: { code, message: 'simulated', blame, retryable } }] }, dispatcher: { retries: { maxAttempts: 1 } } })

const table: Array<[name: string, options: GatewayOptions, parameters: object, expected: { class: unknown, status: number, code: string, type?: string, message: RegExp, param?: string | null, retry?: boolean }]> = [
  ['an unknown model', {}, { model: 'gpt-5' }, { class: OpenAI.BadRequestError, status: 400, code: 'model_not_found', type: 'invalid_request_error', param: 'model', message: /The supported API model names are deepseek-v4-pro, deepseek-v4-flash.*, but you passed gpt-5\./ }],
  ['a wrong value', {}, { temperature: 3 }, { class: OpenAI.BadRequestError, status: 400, code: 'invalid_value', param: 'temperature', message: /temperature/ }],
  ['a missing field', {}, { messages: undefined }, { class: OpenAI.BadRequestError, status: 400, code: 'missing_required_parameter', param: 'messages', message: /missing field/ }],
  ['a wrong type', {}, { messages: 'x' }, { class: OpenAI.UnprocessableEntityError, status: 422, code: 'invalid_type', param: 'messages', message: /Failed to deserialize the JSON body/ }],
  ['too many choices', {}, { n: 9 }, { class: OpenAI.BadRequestError, status: 400, code: 'invalid_value', param: 'n', message: /between 1 and 8/ }],
  ['a schema no engine can enforce', {}, { response_format: { type: 'json_schema', json_schema: { name: 'x', schema: {} } } }, { class: OpenAI.BadRequestError, status: 400, code: 'unsupported_parameter', param: 'response_format', message: /This response_format type is unavailable now/ }],
  ['a forced call while thinking, where DeepSeek\'s rule is kept', { settings: { forcedToolChoice: 'refuse' } }, { tools: [{ type: 'function', function: { name: 'f' } }], tool_choice: 'required' }, { class: OpenAI.BadRequestError, status: 400, code: 'invalid_value', param: 'tool_choice', message: /Thinking mode does not support this tool_choice/ }],
  ['reasoning that was not passed back, where DeepSeek\'s rule is kept', { settings: { reasoningReplay: 'strict' } }, { tools: [{ type: 'function', function: { name: 'f' } }], messages: [...hello.messages, { role: 'assistant', content: 'a' }, ...hello.messages] }, { class: OpenAI.BadRequestError, status: 400, code: 'invalid_value', param: 'messages[1].reasoning_content', message: /The `reasoning_content` in the thinking mode must be passed back to the API\./ }],
  ['a prompt that is too long', { contextTokens: 100 }, { messages: [{ role: 'user', content: 'word '.repeat(200) }] }, { class: OpenAI.BadRequestError, status: 400, code: 'context_length_exceeded', param: 'messages', message: /This model's maximum context length is 100 tokens\. However, you requested \d+ tokens \(\d+ in the messages, 1 in the completion\)\./ }],
  ['a completion that is too long', { contextTokens: 1000 }, { max_tokens: 1000 }, { class: OpenAI.BadRequestError, status: 400, code: 'context_length_exceeded', message: /in the messages, 1000 in the completion/ }],
  ['no key', { verifyKey }, {}, { class: OpenAI.AuthenticationError, status: 401, code: 'invalid_api_key', type: 'authentication_error', message: /Authentication Fails, Your api key: \*\*\*\*none is invalid/ }],
  ['a bad header', {}, { headers: {} }, { class: OpenAI.BadRequestError, status: 400, code: 'invalid_value', param: 'x-gearbox-tier', message: /must be one of pro, flash/ }],
  ['a worker that fails', fault('out-of-memory', 'worker', false), {}, { class: OpenAI.InternalServerError, status: 502, code: 'worker_failed', type: 'server_error', message: /./, retry: true }],
  ['a gateway that is going away', { isDraining: () => true }, {}, { class: OpenAI.InternalServerError, status: 503, code: 'server_draining', type: 'server_error', message: /shutting down/, retry: true }]
]

for (const [name, options, parameters, expected] of table) {
  await t.test(name, async t => {
    const error = await errorOf(t, options, parameters, 'headers' in parameters ? { defaultHeaders: { 'x-gearbox-tier': 'turbo' } } : {})
    t.equal(error.constructor, expected.class)
    const { status, code, message, type = 'invalid_request_error' } = expected
    t.match(error, { status, code, type, message })
    if (expected.param !== undefined) t.equal(error.param, expected.param)
    t.match(error.requestID, /^[0-9a-f-]{36}$/)
    t.match(error.message, `(request_id: ${error.requestID})`)
    t.equal(error.headers?.get('x-should-retry'), String(expected.retry ?? false))
    t.equal(error.headers?.has('retry-after-ms'), expected.retry ?? false)
    t.equal(error.headers?.get('content-type'), 'application/json; charset=utf-8')
  })
}

await t.test('max_tokens can be cut to what the context has left instead', async t => {
  const { sdk, jobs } = await startGateway(t, { contextTokens: 1000, settings: { overlongCompletion: 'clamp' } })
  await sdk().chat.completions.create({ ...hello, max_tokens: 5000 })
  t.equal(jobs[0]?.sampling.maxTokens, 1000 - (jobs[0]?.tokenIds.length ?? 0))
})

await t.test('either header may carry the key, and two at once do no harm', async t => {
  const { url } = await startGateway(t, { verifyKey, answer: says('x') })
  const statusOf = async (headers: Record<string, string>) => (await fetch(`${url}/v1/models`, { headers })).status
  t.equal(await statusOf({ authorization: 'Bearer sk-right' }), 200)
  t.equal(await statusOf({ authorization: 'bearer   sk-right ' }), 200)
  t.equal(await statusOf({ 'x-api-key': 'sk-right' }), 200)
  t.equal(await statusOf({ authorization: 'Bearer other', 'x-api-key': 'sk-right' }), 200)
  t.equal(await statusOf({ authorization: 'Basic sk-right' }), 401)
  t.equal(await statusOf({ authorization: 'Bearer sk-righ' }), 401)
  t.equal(await statusOf({}), 401)
})

await t.test('strangers are slowed down by address, owners of a key are not', async t => {
  const { sdk, url } = await startGateway(t, { verifyKey, settings: { unauthenticatedPerMinute: 2 } })
  for (let call = 0; call < 5; call++) t.ok((await sdk({ apiKey: 'sk-right' }).models.list()).data.length > 0)
  const codes: unknown[] = []
  for (let call = 0; call < 3; call++) codes.push(await sdk().models.list().catch((error: unknown) => error instanceof OpenAI.APIError ? error.code : error))
  t.strictSame(codes, ['invalid_api_key', 'invalid_api_key', 'rate_limit_exceeded'])
  const error: unknown = await sdk().models.list().catch((thrown: unknown) => thrown)
  t.ok(error instanceof OpenAI.RateLimitError)
  const response = await fetch(`${url}/nothing/here`)
  t.equal(response.status, 429, 'nor may they scan for paths')
  t.match(response.headers.get('retry-after'), /^\d+$/)
  t.equal((await fetch(`${url}/health`)).status, 200, 'but probes go through')
})

await t.test('the caller\'s own request id is kept when it is fit for a header', async t => {
  const { url } = await startGateway(t)
  const idOf = async (headers: Record<string, string>) => (await fetch(`${url}/v1/models`, { headers })).headers.get('x-request-id')
  t.equal(await idOf({ 'x-request-id': 'trace-1' }), 'trace-1')
  t.equal(await idOf({ 'x-client-request-id': 'mine' }), 'mine')
  t.match(await idOf({ 'x-request-id': 'two words' }), /^[0-9a-f-]{36}$/)
  t.match(await idOf({ 'x-request-id': 'x'.repeat(200) }), /^[0-9a-f-]{36}$/)
})

await t.test('names nobody knows can have a model that answers to them', async t => {
  const { sdk, jobs } = await startGateway(t, { settings: { defaultModel: 'deepseek-v4-pro' } })
  t.equal((await sdk().chat.completions.create({ ...hello, model: 'default' })).model, 'deepseek-v4-pro')
  t.equal(jobs[0]?.tier, 'pro')
})

await t.test('empty reasoning is reasoning passed back, where DeepSeek\'s rule is kept', async t => {
  const { sdk } = await startGateway(t, { settings: { reasoningReplay: 'strict' } })
  const messages = [...hello.messages, { role: 'assistant' as const, content: 'a', reasoning_content: '' }, ...hello.messages]
  t.ok(await sdk().chat.completions.create({ model: 'auto', messages, tools: [{ type: 'function', function: { name: 'f' } }] }))
})
