/** @anthropic-ai/sdk against our own engine. */
import Anthropic from '@anthropic-ai/sdk'
import t from 'tap'
import { z } from 'zod'
import { france, placeQuestion, sizes, startMiniGateway, tooLongQuestion, weather } from './mini-gateway.js'

const gateway = await startMiniGateway(t)
const client = new Anthropic({ baseURL: gateway.url, apiKey: gateway.apiKey, maxRetries: 0 })

/** The SDK's newest types have no temperature any more. */
const greedy: object = { temperature: 0 }
const message = { model: 'claude-haiku', max_tokens: 300, thinking: { type: 'disabled' as const }, ...greedy }
const ask = { ...message, messages: [{ role: 'user' as const, content: france.question }] }
const place = z.object({ city: z.string(), size: z.enum(sizes) })

await t.test('plain and streamed, without thinking and with', async t => {
  const whole = await client.messages.create(ask)
  t.match(whole, { type: 'message', role: 'assistant', model: 'deepseek-v4-flash', content: [{ type: 'text', text: france.answer }], stop_reason: 'end_turn' })
  t.match(whole._request_id, /^[0-9a-f-]{36}$/)
  t.strictSame((await client.messages.stream(ask).finalMessage()).content, whole.content)
  const { input_tokens: counted } = await client.messages.countTokens({ model: ask.model, messages: ask.messages, thinking: ask.thinking })
  t.equal(counted, whole.usage.input_tokens + (whole.usage.cache_read_input_tokens ?? 0))

  const thinking = { ...ask, max_tokens: 2000, thinking: { type: 'enabled' as const, budget_tokens: 1024 } }
  const thought = await client.messages.create(thinking)
  t.strictSame(thought.content.map(({ type }) => type), ['thinking', 'text'])
  t.match(thought.content[0], { thinking: /./, signature: /^msg_/ })
  const texts = (found: Anthropic.Message) => found.content.map(block => block.type === 'thinking' ? block.thinking : block.type === 'text' ? block.text : '')
  t.strictSame(texts(await client.messages.stream(thinking).finalMessage()), texts(thought))
})

await t.test('tools: forced, streamed, and answered with their result', async t => {
  const tool = { name: weather.name, description: weather.description, input_schema: weather.parameters }
  const forced = { ...message, messages: [{ role: 'user' as const, content: weather.question }], tools: [tool], tool_choice: { type: 'tool' as const, name: weather.name } }
  const first = await client.messages.create(forced)
  t.equal(first.stop_reason, 'tool_use')
  const call = first.content.find(block => block.type === 'tool_use')
  t.match(call, { id: /^call_00_/, name: weather.name, input: { city: String } })
  const streamed = await client.messages.stream(forced).finalMessage()
  t.match(streamed.content.find(block => block.type === 'tool_use'), { name: weather.name, input: call?.input })
  const last = await client.messages.create({ ...forced, tool_choice: { type: 'none' }, messages: [...forced.messages, { role: 'assistant', content: first.content }, { role: 'user', content: [{ type: 'tool_result', tool_use_id: call?.id ?? '', content: weather.result }] }] })
  t.match(last, { stop_reason: 'end_turn', content: [{ type: 'text', text: /./ }] })
})

await t.test('structured output', async t => {
  const format = { type: 'json_schema' as const, schema: { ...z.toJSONSchema(place), $schema: undefined } }
  const { content: [block] } = await client.messages.create({ ...message, messages: [{ role: 'user', content: placeQuestion }], output_config: { format } })
  t.ok(place.safeParse(JSON.parse(block?.type === 'text' ? block.text : '')).success)
})

await t.test('models', async t => {
  const ids = []
  for await (const { id } of client.models.list()) ids.push(id)
  t.ok(ids.includes('deepseek-v4-pro'))
  t.match(await client.models.retrieve('deepseek-v4-pro'), { type: 'model', id: 'deepseek-v4-pro' })
})

await t.test('errors are of the class that the client has for them', async t => {
  const stranger = new Anthropic({ baseURL: gateway.url, apiKey: 'wrong', maxRetries: 0 })
  const refusal = async (promise: Promise<unknown>) => await promise.then(() => null, (error: unknown) => error)
  const errors: Array<[refused: unknown, Expected: new (...given: never[]) => Error, status: number, type: string]> = [
    [await refusal(stranger.messages.create(ask)), Anthropic.AuthenticationError, 401, 'authentication_error'],
    [await refusal(client.messages.create({ ...ask, max_tokens: 0 })), Anthropic.BadRequestError, 400, 'invalid_request_error'],
    [await refusal(client.messages.create({ ...ask, model: 'gpt-0' })), Anthropic.NotFoundError, 404, 'not_found_error'],
    [await refusal(client.messages.create({ ...ask, messages: [{ role: 'user', content: tooLongQuestion }] })), Anthropic.BadRequestError, 400, 'invalid_request_error']
  ]
  for (const [refused, Expected, status, type] of errors) {
    t.ok(refused instanceof Expected, Expected.name)
    t.match(refused, { requestID: /./, status, error: { type: 'error', error: { type } } })
  }
})

await t.test('abort, and the gateway has noticed', async t => {
  // Half a hundred tokens of reasoning are still to come.
  const stream = client.messages.stream({ ...ask, max_tokens: 2000, thinking: { type: 'enabled', budget_tokens: 1024 }, output_config: { effort: 'max' } })
  await new Promise<void>(resolve => {
    stream.once('streamEvent', ({ type }) => {
      t.equal(type, 'message_start')
      stream.abort()
      resolve()
    })
  })
  await t.rejects(stream.finalMessage(), Anthropic.APIUserAbortError)
  const outcomes = await gateway.outcomes()
  t.strictSame(outcomes.filter(outcome => outcome !== 'completed'), ['cancelled'])
})
