/** Completions, tokens, files and batches are what openapi.yaml says, both ways. */
import t from 'tap'
import { toFile } from 'openai'
import { z } from 'zod'
import { batchRequestSchema } from '../../src/dialects/batches/batch-schema.js'
import { completionRequestSchema } from '../../src/dialects/completions/request-schema.js'
import { detokenizeRequestSchema, tokenizeRequestSchema } from '../../src/dialects/completions/tokenize-schema.js'
import { startGateway } from '../http/start-gateway.js'
import { testBatches } from '../http/test-batches.js'
import { inlined, openApi, type Schema } from './openapi-document.js'
import { fieldsOf } from './schema-fields.js'

for (const [name, schema, count] of [
  ['CompletionRequest', completionRequestSchema, 25],
  ['TokenizeRequest', tokenizeRequestSchema, 5],
  ['DetokenizeRequest', detokenizeRequestSchema, 2],
  ['BatchRequest', batchRequestSchema, 4]
] as const) {
  await t.test(`${name} is documented as it is validated, field by field`, async t => {
    const validated = fieldsOf(z.toJSONSchema(schema, { io: 'input' }) as Schema)
    const documented = fieldsOf(openApi.components.schemas[name] ?? {})
    t.ok(validated.length >= count, String(validated.length))
    t.strictSame([...new Set(documented)].sort(), [...new Set(validated)].sort())
  })
}

await t.test('answers are what the document says', async t => {
  const batches = testBatches(t)
  const { url, sdk } = await startGateway(t, { batches })
  const conforms = (name: string, value: unknown) => {
    const result = z.fromJSONSchema(inlined({ $ref: `#/components/schemas/${name}` })).safeParse(value)
    t.ok(result.success, `${name}: ${result.success ? '' : z.prettifyError(result.error)}`)
  }
  const send = async (path: string, body: unknown) => await fetch(url + path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
  const read = async (path: string) => await (await fetch(url + path)).json()
  for (const fields of [{}, { n: 2, echo: true }, { logprobs: 1 }, { suffix: 'b' }]) {
    conforms('TextCompletion', await (await send('/v1/completions', { model: 'auto', prompt: 'a', ...fields })).json())
    const events = (await (await send('/v1/completions', { model: 'auto', prompt: 'a', ...fields, stream: true, stream_options: { include_usage: true } })).text()).trim().split('\n\n').map(line => line.slice('data: '.length))
    t.equal(events.pop(), '[DONE]')
    for (const event of events) conforms('TextCompletion', JSON.parse(event))
  }
  conforms('ChatCompletion', await (await send('/v1/chat/completions', { model: 'auto', n: 3, messages: [{ role: 'user', content: 'x' }] })).json())
  conforms('Tokens', await (await send('/tokenize', { prompt: 'a', return_token_strs: true })).json())
  conforms('Detokenized', await (await send('/detokenize', { tokens: [5] })).json())
  conforms('Balance', await read('/user/balance'))

  const file = await sdk().files.create({ purpose: 'batch', file: await toFile(Buffer.from('{'), 'x'), expires_after: { anchor: 'created_at', seconds: 3600 } })
  conforms('File', await read(`/v1/files/${file.id}`))
  conforms('FileList', await read('/v1/files'))
  const created = await (await send('/v1/batches', { input_file_id: file.id, endpoint: '/v1/chat/completions', completion_window: '24h' })).json() as { id: string, status: string }
  conforms('Batch', created)
  let batch = created
  for (let tries = 0; tries < 500 && batch.status !== 'failed'; tries++) {
    await new Promise(resolve => setTimeout(resolve, 5))
    batch = await read(`/v1/batches/${created.id}`) as typeof created
  }
  t.equal(batch.status, 'failed')
  conforms('Batch', batch)
  conforms('BatchList', await read('/v1/batches'))
})
