/** response_format through the whole gateway: the official SDK, trained weights, grammar. */
import { fileURLToPath } from 'node:url'
import OpenAI from 'openai'
import { pino } from 'pino'
import t from 'tap'
import { configSchema } from '../src/config/schema.js'
import { startGateway } from '../src/server.js'

const root = fileURLToPath(new URL('../../', import.meta.url))
const config = configSchema.parse({
  server: { port: 0, graceMs: 5000 },
  tiers: { flash: { checkpoint: `${root}models/flash-mini` }, pro: { checkpoint: `${root}models/flash-mini` } }
})
const gateway = await startGateway(config, pino({ level: 'silent' }), 'test')
t.teardown(async () => { await gateway.close() })
await gateway.whenReady()
const client = new OpenAI({ baseURL: `${gateway.address}/v1`, apiKey: 'none', maxRetries: 0 })

const schema = {
  type: 'object',
  properties: {
    city: { type: 'string', maxLength: 30 },
    size: { enum: ['small', 'large'] },
    visits: { type: 'integer', minimum: 1, maximum: 12 },
    tags: { type: 'array', items: { type: 'string', maxLength: 8 }, minItems: 1, maxItems: 3 }
  },
  required: ['city', 'size', 'visits', 'tags'],
  additionalProperties: false
}
const ask = {
  model: 'deepseek-v4-flash',
  messages: [{ role: 'user' as const, content: 'Describe a city as json.' }],
  max_tokens: 400,
  reasoning_effort: 'none' as const
}

await t.test('json_schema: the answer is valid, plain and streamed', async t => {
  const format = { type: 'json_schema' as const, json_schema: { name: 'city', strict: true, schema } }
  for (const seed of [1, 2, 3]) {
    const { choices: [choice] } = await client.chat.completions.create({ ...ask, seed, response_format: format })
    t.equal(choice?.finish_reason, 'stop')
    const value = JSON.parse(choice?.message.content ?? '') as { city: string, visits: number, tags: string[] }
    t.match(value, { city: String, size: /^(small|large)$/, visits: Number, tags: Array })
    t.same(Object.keys(value), ['city', 'size', 'visits', 'tags'])
    t.ok(value.visits >= 1 && value.visits <= 12)
    let text = ''
    for await (const { choices } of await client.chat.completions.create({ ...ask, seed, response_format: format, stream: true })) text += choices[0]?.delta.content ?? ''
    t.equal(text, choice?.message.content)
  }
})

await t.test('json_object: what ends is an object', async t => {
  for (const seed of [1, 2, 3]) {
    const { choices: [choice] } = await client.chat.completions.create({ ...ask, seed, response_format: { type: 'json_object' } })
    t.match(choice?.message.content, /^\{/)
    if (choice?.finish_reason === 'stop') t.type(JSON.parse(choice.message.content ?? ''), Object)
  }
})

await t.test('a keyword that cannot be enforced is refused with its path', async t => {
  const format = { type: 'json_schema' as const, json_schema: { name: 'x', schema: { type: 'object', properties: { a: { type: 'string', pattern: '^a' } } } } }
  await t.rejects(client.chat.completions.create({ ...ask, response_format: format }), { status: 400, code: 'unsupported_parameter', message: /schema\.properties\.a\.pattern: this keyword is not supported/ })
})
