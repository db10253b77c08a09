/** The Responses and Messages dialects on our own engine, in worker processes, called by the official SDKs. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Anthropic from '@anthropic-ai/sdk'
import OpenAI from 'openai'
import { pino } from 'pino'
import t from 'tap'
import { configSchema } from '../../src/config/schema.js'
import { startGateway } from '../../src/server.js'
import { writeRandomCheckpoint } from '../../workers/engines/v4/checkpoint/random-checkpoint.js'

const directory = await mkdtemp(join(tmpdir(), 'gearbox-dialects-'))
t.teardown(async () => { await rm(directory, { recursive: true }) })
await writeRandomCheckpoint(join(directory, 'flash'), { tier: 'flash' })
await writeRandomCheckpoint(join(directory, 'pro'), { tier: 'pro', seed: 2 })
const gateway = await startGateway(configSchema.parse({
  server: { port: 0, graceMs: 5000 },
  tiers: { flash: { checkpoint: join(directory, 'flash') }, pro: { checkpoint: join(directory, 'pro') } }
}), pino({ level: 'silent' }), 'test')
t.teardown(async () => { await gateway.close() })
await gateway.whenReady()

/** The SDK's newest types have no temperature any more. */
const greedy: object = { temperature: 0 }
const question = 'Tell me something long. '.repeat(20)

await t.test('messages: one piece and a stream agree, counts are exact, the second turn reads the cache', async t => {
  const client = new Anthropic({ baseURL: gateway.address, apiKey: 'none', maxRetries: 0 })
  const ask: Anthropic.MessageCreateParamsNonStreaming = { model: 'claude-opus', max_tokens: 24, thinking: { type: 'disabled' }, messages: [{ role: 'user', content: question }], ...greedy }
  const whole = await client.messages.create(ask)
  t.match(whole, { model: 'deepseek-v4-pro', usage: { output_tokens: 24 }, stop_reason: 'max_tokens' })
  const counted = await client.messages.countTokens({ model: ask.model, messages: ask.messages, thinking: { type: 'disabled' } })
  t.equal(counted.input_tokens, whole.usage.input_tokens + (whole.usage.cache_read_input_tokens ?? 0))
  const streamed = await client.messages.stream(ask).finalMessage()
  t.strictSame(streamed.content, whole.content)
  t.equal(streamed.usage.input_tokens + (streamed.usage.cache_read_input_tokens ?? 0), counted.input_tokens)
  t.ok((streamed.usage.cache_read_input_tokens ?? 0) > 0, 'the prefix was in the cache')
})

await t.test('responses: one piece and a stream agree, and a stored one can be continued', async t => {
  const client = new OpenAI({ baseURL: `${gateway.address}/v1`, apiKey: 'none', maxRetries: 0 })
  const ask = { model: 'deepseek-v4-flash', input: question, max_output_tokens: 24, temperature: 0, reasoning: { effort: 'none' as const } }
  const whole = await client.responses.create({ ...ask, store: true })
  t.match(whole, { status: 'incomplete', usage: { output_tokens: 24 } })
  const streamed = await client.responses.stream(ask).finalResponse()
  t.equal(streamed.output_text, whole.output_text)
  const next = await client.responses.create({ ...ask, input: 'Go on.', previous_response_id: whole.id })
  t.ok((next.usage?.input_tokens ?? 0) > (whole.usage?.input_tokens ?? 0) + 24)
})
