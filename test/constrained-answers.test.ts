/** response_format, strict tools and forced calls through the whole gateway: the official SDK, trained weights, grammar. */
import { Ajv2020 } from 'ajv/dist/2020.js'
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

const ajv = new Ajv2020({ strict: false })
const parameters = {
  type: 'object',
  properties: { city: { type: 'string' }, days: { type: 'integer', minimum: 1, maximum: 9 }, unit: { enum: ['c', 'f'] }, place: { anyOf: [{ type: 'null' }, { type: 'object', properties: { lat: { type: 'number' } }, required: ['lat'], additionalProperties: false }] } },
  required: ['city', 'days', 'unit', 'place'],
  additionalProperties: false
}
const tool = (name: string, parameters: Record<string, unknown>, strict = false) => ({ type: 'function' as const, function: { name, description: `Calls ${name}`, parameters, strict } })
const weather = tool('get_weather', parameters, true)
const time = tool('get_time', { type: 'object', properties: { zone: { type: 'string', description: 'Such as CET' }, hours: { type: 'integer', multipleOf: 1 } }, required: ['zone'] })
const question = { ...ask, messages: [{ role: 'user' as const, content: 'What is the weather in Paris for three days, as json?' }], temperature: 1.5, max_tokens: 600 }

type Choice = OpenAI.Chat.Completions.ChatCompletion.Choice

function callsOf (choice: Choice | undefined): Array<{ name: string, given: unknown }> {
  return (choice?.message?.tool_calls ?? []).map(call => call.type === 'function' ? { name: call.function.name, given: JSON.parse(call.function.arguments) as unknown } : { name: call.type, given: null })
}

await t.test('strict tools: their arguments are valid, plain and streamed', async t => {
  for (const seed of [1, 2, 3]) {
    const fields = { ...question, seed, tools: [weather], tool_choice: 'required' as const }
    const { choices: [choice] } = await client.chat.completions.create(fields)
    if (choice?.finish_reason === 'length') continue
    t.equal(choice?.finish_reason, 'tool_calls')
    const calls = callsOf(choice)
    t.ok(calls.length > 0)
    for (const { name, given } of calls) t.ok(name === 'get_weather' && ajv.validate(parameters, given), JSON.stringify(given))
    let streamed = ''
    for await (const { choices } of await client.chat.completions.create({ ...fields, stream: true })) streamed += choices[0]?.delta.tool_calls?.map(call => call.function?.arguments ?? '').join('') ?? ''
    t.equal(streamed, choice?.message.tool_calls?.map(call => call.type === 'function' ? call.function.arguments : '').join(''))
  }
})

await t.test('a forced call comes after reasoning, and only the named tool is called', async t => {
  const { reasoning_effort: _, ...thinking } = question
  for (const choice of ['required' as const, { type: 'function' as const, function: { name: 'get_time' } }]) {
    const { data, response } = await client.chat.completions.create({ ...thinking, seed: 1, tools: [weather, time], tool_choice: choice }).withResponse()
    t.not(response.headers.get('x-gearbox-effort-reason'), 'tool-choice')
    const [answer] = data.choices
    if (answer?.finish_reason === 'length') continue
    t.equal(answer?.finish_reason, 'tool_calls')
    t.ok((answer?.message as { reasoning_content?: string } | undefined)?.reasoning_content)
    if (choice !== 'required') t.ok(callsOf(answer).every(({ name, given }) => name === 'get_time' && typeof (given as { zone: unknown }).zone === 'string'))
  }
})

await t.test('one call where no more are allowed', async t => {
  const { choices: [choice] } = await client.chat.completions.create({ ...question, seed: 2, tools: [weather, time], tool_choice: 'required', parallel_tool_calls: false })
  t.equal(choice?.message.tool_calls?.length, 1)
})

await t.test('response_format beside tools: calls, or JSON of the schema', async t => {
  const schema = { type: 'object', properties: { answer: { type: 'boolean' } }, required: ['answer'], additionalProperties: false }
  for (const [seed, user] of ['Hello, say json.', 'What is the weather in Oslo, as json?', 'Is two even? json'].entries()) {
    const { choices: [choice] } = await client.chat.completions.create({ ...question, seed, messages: [{ role: 'user', content: user }], tools: [time], response_format: { type: 'json_schema', json_schema: { name: 'x', schema } } })
    if (choice?.finish_reason === 'stop') t.ok(ajv.validate(schema, JSON.parse(choice.message.content ?? '')), choice.message.content ?? '')
    else if (choice?.finish_reason === 'tool_calls') t.ok(callsOf(choice).every(({ name }) => name === 'get_time'))
    else t.equal(choice?.finish_reason, 'length')
  }
})

await t.test('a strict tool whose schema cannot be kept is refused by name', async t => {
  const tools = [tool('fill', { type: 'object', properties: { n: { type: 'integer', multipleOf: 3 } }, required: ['n'], additionalProperties: false }, true)]
  await t.rejects(client.chat.completions.create({ ...question, tools }), { status: 400, code: 'unsupported_parameter', message: /tool fill: parameters\.properties\.n\.multipleOf/ })
})

await t.test('a keyword that cannot be enforced is refused with its path', async t => {
  const format = { type: 'json_schema' as const, json_schema: { name: 'x', schema: { type: 'object', properties: { a: { type: 'string', pattern: '(?=a)' } } } } }
  await t.rejects(client.chat.completions.create({ ...ask, response_format: format }), { status: 400, code: 'unsupported_parameter', message: /schema\.properties\.a\.pattern: a group that looks around/ })
})
