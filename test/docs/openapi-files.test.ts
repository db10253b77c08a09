/** Completions, tokens, files and batches are what openapi.yaml says, both ways. */
import t from 'tap'
import { toFile } from 'openai'
import { z } from 'zod'
import { batchRequestSchema } from '../../src/dialects/batches/batch-schema.js'
import { completionRequestSchema } from '../../src/dialects/completions/request-schema.js'
import { detokenizeRequestSchema, tokenizeRequestSchema } from '../../src/dialects/completions/tokenize-schema.js'
import { startGateway } from '../http/start-gateway.js'
import { testBatches } from '../http/test-batches.js'
import { inlined } from './openapi-document.js'
import { checkDocumented } from './schema-fields.js'

for (const [name, schema, count] of [
  ['CompletionRequest', completionRequestSchema, 24],
  ['TokenizeRequest', tokenizeRequestSchema, 4],
  ['DetokenizeRequest', detokenizeRequestSchema, 1],
  ['BatchRequest', batchRequestSchema, 3]
] as const) {
  await checkDocumented(t, name, schema, { moreThan: count })
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
