/** Whatever is sent to completions, tokens, files and batches: an answer or an error in the envelope, never a 5xx and never silence. */
import fc from 'fast-check'
import t from 'tap'
import { toFile } from 'openai'
import { batchRequestSchema } from '../../src/dialects/batches/batch-schema.js'
import { parseCompletionRequest } from '../../src/dialects/completions/parse-completion-request.js'
import { completionRequestSchema } from '../../src/dialects/completions/request-schema.js'
import { detokenizeRequestSchema, tokenizeRequestSchema } from '../../src/dialects/completions/tokenize-schema.js'
import { parseRequestBody } from '../../src/dialects/request-body.js'
import { requireStrictSchema } from '../../src/dialects/strict-schema.js'
import { GatewayError } from '../../src/errors.js'
import { oddValues, pathsOf, withValue, type Path } from './odd-bodies.js'
import { startGateway } from './start-gateway.js'
import { testBatches } from './test-batches.js'

const completion = { model: 'auto', prompt: ['a', 'b'], suffix: 'c', logprobs: 2, n: 2, max_tokens: 5, stop: ['x'], stream: true, stream_options: { include_usage: true }, logit_bias: { 5: 1 }, stop_token_ids: [3], seed: 4, temperature: 1, user: 'u' }

const routes = [
  { path: '/v1/completions', valid: completion, fields: Object.keys(completionRequestSchema.shape) },
  { path: '/v1/completions', valid: { model: 'auto', prompt: [[0, 5], [6]], logprobs: 1 }, fields: ['prompt', 'echo'] },
  { path: '/tokenize', valid: { model: 'auto', messages: [{ role: 'user', content: 'x' }], tools: [{ type: 'function', function: { name: 'f' } }], return_token_strs: true }, fields: Object.keys(tokenizeRequestSchema.shape) },
  { path: '/detokenize', valid: { model: 'auto', tokens: [5, 6] }, fields: Object.keys(detokenizeRequestSchema.shape) },
  { path: '/v1/batches', valid: { input_file_id: 'FILE', endpoint: '/v1/chat/completions', completion_window: '24h', metadata: { a: 'b' } }, fields: Object.keys(batchRequestSchema.shape) }
]

function isEnvelope (text: string): boolean {
  const { error } = JSON.parse(text) as { error?: object }
  return error !== undefined && Object.keys(error).join() === 'message,type,param,code'
}

for (const { path, valid, fields } of routes) {
  const places: Path[] = [...fields.map(field => [field]), ...pathsOf(valid)]
  await t.test(`${path}: every field, replaced by every kind of value, is taken or refused`, async t => {
    const { url, sdk } = await startGateway(t, { batches: testBatches(t) })
    const file = await sdk().files.create({ purpose: 'batch', file: await toFile(Buffer.from('{"custom_id":"a"}'), 'x') })
    const post = async (body: string) => await fetch(url + path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: body.replace('FILE', file.id) })
    const fine = await post(JSON.stringify(valid))
    t.equal(fine.status, 200, await fine.text())
    for (const [index, place] of places.entries()) {
      const some = oddValues.filter((_, position) => position % 4 === index % 4)
      const answers = await Promise.all(some.map(async value => {
        const response = await post(JSON.stringify(withValue(valid, place, value)))
        const text = await response.text()
        // 402: nothing is done for no dollars.
        const isFine = response.status === 200 || ([400, 402, 422].includes(response.status) && isEnvelope(text))
        return isFine ? null : { place, value, status: response.status, text: text.slice(-300) }
      }))
      const bad = answers.filter(answer => answer !== null)
      if (bad.length > 0) t.strictSame(bad, [], place.join('.'))
    }
    const deep = (count: number) => `${'['.repeat(count)}${']'.repeat(count)}`
    for (const body of ['', '{', '[]', 'null', '5', '"x"', '['.repeat(100_000), deep(50_000), `{"model":"auto","prompt":${deep(5000)}}`, `{"tokens":[${'9'.repeat(400)}]}`, `{"model":"auto","prompt":[${'9'.repeat(400)}]}`]) {
      const response = await post(body)
      t.ok([400, 422].includes(response.status) && isEnvelope(await response.text()), `${body.slice(0, 30)}: ${response.status}`)
    }
    const twice = await post('{"prompt":5,"prompt":"\\ud800<｜User｜>","model":"auto","__proto__":{"n":9},"tokens":[5]}')
    t.ok([200, 400].includes(twice.status))
    await twice.text()
  })
}

await t.test('completions: every kind of value in every field, parsed', async t => {
  for (const place of [...Object.keys(completionRequestSchema.shape).map(field => [field]), ...pathsOf(completion)]) {
    for (const value of oddValues) {
      try {
        parseCompletionRequest(parseRequestBody(JSON.stringify(withValue(completion, place, value))))
      } catch (error) {
        if (!(error instanceof GatewayError)) t.fail(`${place.join('.')}: ${String(error)}`)
      }
    }
  }
  t.pass()
})

await t.test('any JSON as the schema of a strict function', async t => {
  const word = fc.constantFrom('type', 'properties', 'required', 'additionalProperties', 'anyOf', '$ref', '$defs', 'items', 'enum', 'format', '__proto__', 'a')
  const value = fc.letrec(tie => ({
    node: fc.oneof({ depthSize: 'small' }, fc.constantFrom('object', 'string', 'array', '#/$defs/a', '#', false, null, 1), fc.array(tie('node'), { maxLength: 3 }), fc.dictionary(word, tie('node'), { maxKeys: 5 }))
  })).node
  fc.assert(fc.property(value, schema => {
    try {
      requireStrictSchema(JSON.parse(JSON.stringify({ type: 'object', properties: schema, additionalProperties: false })), 'p')
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error
    }
  }), { numRuns: 500 })
  t.pass()
})

await t.test('a million token ids, and as many that are too many', async t => {
  const { url } = await startGateway(t)
  const post = async (body: string) => await fetch(`${url}/v1/completions`, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
  const ids = Array.from({ length: 1_000_000 }, () => 5)
  const response = await post(JSON.stringify({ model: 'auto', prompt: ids }))
  t.equal(response.status, 400)
  t.match(await response.json(), { error: { code: 'context_length_exceeded' } })
  const texts = await post(JSON.stringify({ model: 'auto', prompt: ids.map(String) }))
  t.match(await texts.json(), { error: { code: 'invalid_value', param: 'prompt' } })
})

await t.test('ids and queries of every kind', async t => {
  const { url } = await startGateway(t, { batches: testBatches(t) })
  for (const path of ['/v1/files/', '/v1/batches/', '/v1/files?after=', '/v1/files?limit=', '/v1/files?order=', '/v1/files?purpose=', '/v1/batches?limit=', '/v1/batches?after=']) {
    for (const value of ['x', '..%2f..%2fetc', '%00', '%F0%9F', '-1', '1e9', "a'%20or%201=1", 'a'.repeat(2000), '&limit=1&limit=2', 'a%ZZ']) {
      const response = await fetch(url + path + value)
      const text = await response.text()
      t.ok(response.status === 200 || ([400, 404, 422].includes(response.status) && isEnvelope(text)), `${path}${value.slice(0, 20)}: ${response.status} ${text.slice(0, 200)}`)
    }
  }
})
