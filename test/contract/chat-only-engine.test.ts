/** A gateway whose engine is another gateway: any OpenAI-compatible server behind ours, called by the official SDK. */
import { createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import OpenAI from 'openai'
import { pino } from 'pino'
import t from 'tap'
import { runUsage } from '../../src/cli/usage.js'
import { configSchema } from '../../src/config/schema.js'
import { startGateway as startServer, type RunningGateway } from '../../src/server.js'
import { writeRandomCheckpoint } from '../../workers/engines/v4/checkpoint/random-checkpoint.js'
import { runCommand } from '../cli/run-command.js'
import type { AnswerSource } from '../../workers/engines/simulator/simulated-answer.js'
import { endless, idsOf, replies, startGateway, type Teardown } from '../http/start-gateway.js'

const silent = pino({ level: 'silent' })
const directory = await mkdtemp(join(tmpdir(), 'gearbox-chat-only-'))
t.teardown(async () => { await rm(directory, { recursive: true }) })

interface Front {
  gateway: RunningGateway
  client: OpenAI
}

/** In front of a peer's `/v1`, with `engine: openai` and nothing else. */
async function startFront (t: Teardown, peerUrl: string, { worker = {}, ...changes }: Record<string, unknown> & { worker?: Record<string, unknown> } = {}): Promise<Front> {
  const tierOf = (tier: 'flash' | 'pro') => ({
    checkpoint: { name: `deepseek-v4-${tier}`, effortLadder: '0731', contextTokens: 65_536, tokenizer: 'deepseek-v4' },
    workers: [{ engine: 'openai', url: `${peerUrl}/v1`, model: `deepseek-v4-${tier}`, enforces: ['json', 'schema'], ...worker }]
  })
  const gateway = await startServer(configSchema.parse({ server: { port: 0, graceMs: 2000 }, tiers: { flash: tierOf('flash'), pro: tierOf('pro') }, ...changes }), silent, 'test')
  t.after(async () => { await gateway.close() })
  await gateway.whenReady()
  return { gateway, client: new OpenAI({ baseURL: `${gateway.address}/v1`, apiKey: 'none', maxRetries: 0 }) }
}

const ask = { model: 'deepseek-v4-flash', messages: [{ role: 'user' as const, content: 'Well?' }] }
const weather: OpenAI.ChatCompletionTool = { type: 'function', function: { name: 'weather', parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] } } }
const callText = (city: string): string => `<｜DSML｜tool_calls>\n<｜DSML｜invoke name="weather">\n<｜DSML｜parameter name="city" string="true">${city}</｜DSML｜parameter>\n</｜DSML｜invoke>\n</｜DSML｜tool_calls>`

const isOn = { draining: false }
const script: { answer: AnswerSource } = { answer: () => [] }
const peer = await startGateway({ after: close => t.teardown(close) }, {
  answer: job => script.answer(job),
  constraints: ['json'],
  contextTokens: 8192,
  simulator: { resume: false },
  isDraining: () => isOn.draining
})
const { client } = await startFront({ after: close => t.teardown(close) }, peer.url)

/** What the peer's engine says from now on. */
function scripted (answer: AnswerSource): void {
  script.answer = answer
  peer.jobs.length = 0
}

await t.test('our engine behind the peer', async t => {
  const key = 'gearbox-peer-key'
  process.env['GEARBOX_TEST_PEER_KEY'] = key
  await writeRandomCheckpoint(join(directory, 'flash'), { tier: 'flash' })
  await writeRandomCheckpoint(join(directory, 'pro'), { tier: 'pro', seed: 2 })
  const peer = await startServer(configSchema.parse({
    server: { port: 0, graceMs: 2000 },
    access: { keyHashes: [createHash('sha256').update(key).digest('hex')] },
    tiers: { flash: { checkpoint: join(directory, 'flash') }, pro: { checkpoint: join(directory, 'pro') } }
  }), silent, 'test')
  t.teardown(async () => { await peer.close() })
  await peer.whenReady()
  const store = join(directory, 'accounts.sqlite')
  const { client } = await startFront(t, peer.address, { worker: { apiKeyEnv: 'GEARBOX_TEST_PEER_KEY' }, accounts: { store, journalPath: null }, access: { keyHashes: [createHash('sha256').update('none').digest('hex')] } })
  const direct = new OpenAI({ baseURL: `${peer.address}/v1`, apiKey: key, maxRetries: 0 })
  const greedy = { ...ask, temperature: 0, max_tokens: 24, reasoning_effort: 'none' as const }

  await t.test('the same answer and the same counts as asking it directly, whole and streamed', async t => {
    const [ours, theirs] = [await client.chat.completions.create(greedy), await direct.chat.completions.create(greedy)]
    t.equal(ours.choices[0]?.message.content, theirs.choices[0]?.message.content)
    t.match(ours, { choices: [{ finish_reason: 'length' }], usage: { prompt_tokens: theirs.usage?.prompt_tokens, completion_tokens: 24 } })
    const { text, usage } = await streamed(client, greedy)
    t.equal(text, theirs.choices[0]?.message.content)
    t.equal(usage?.completion_tokens, 24)
  })

  await t.test('a schema that the peer enforces', async t => {
    const schema = { type: 'object', properties: { answer: { enum: ['yes', 'no'] } }, required: ['answer'], additionalProperties: false }
    const { choices } = await client.chat.completions.create({ ...greedy, response_format: { type: 'json_schema', json_schema: { name: 'a', schema, strict: true } } })
    t.match(JSON.parse(choices[0]?.message.content ?? ''), { answer: /^(yes|no)$/ })
  })

  await t.test('the ledger says whose counts it charged', async t => {
    const lines = await runCommand(runUsage, ['--store', store, '--export', 'jsonl'], [])
    const entries = lines.map(line => JSON.parse(line) as Record<string, unknown>)
    t.equal(entries.length, 3)
    t.match(entries[0], { worker: 'flash-0', completionTokens: 24, countedBy: 'engine', outcome: 'completed' })
  })

  await t.test('what needs token ids is refused, and says so', async t => {
    await t.rejects(client.completions.create({ model: 'deepseek-v4-flash', prompt: 'Once' }), { status: 400, message: /go on from a raw text/ })
    await t.rejects(client.chat.completions.create({ ...greedy, logprobs: true }), { status: 400, message: /give log-probabilities/ })
  })
})

await t.test('thinking and effort are always said, and reasoning stays reasoning', async t => {
  scripted(replies(prompt => prompt.endsWith('<think>') ? 'Let me see.</think>Four.' : 'Four.'))
  const thought = await client.chat.completions.create({ ...ask, reasoning_effort: 'high' })
  t.match(thought.choices[0], { finish_reason: 'stop', message: { content: 'Four.', reasoning_content: 'Let me see.' } })
  t.ok((thought.usage?.completion_tokens_details?.reasoning_tokens ?? 0) > 0)
  t.match(await streamed(client, { ...ask, reasoning_effort: 'max' }), { text: 'Four.', reasoning: 'Let me see.' })
  const plain = await client.chat.completions.create({ ...ask, reasoning_effort: 'none' })
  t.match(plain.choices[0]?.message, { content: 'Four.' })
  t.notOk('reasoning_content' in (plain.choices[0]?.message ?? {}))
  t.equal(peer.jobs.length, 3)
})

await t.test('tools: a call, whole and streamed, and the turn that answers it', async t => {
  scripted(replies(prompt => prompt.includes('sunny') ? 'It is sunny in Oslo.' : `I look.\n\n${callText('Oslo')}`))
  const first = await client.chat.completions.create({ ...ask, tools: [weather], reasoning_effort: 'none' })
  const [call] = first.choices[0]?.message.tool_calls ?? []
  t.match(first.choices[0], { finish_reason: 'tool_calls', message: { content: /^I look\./ } })
  t.match(call, { type: 'function', function: { name: 'weather', arguments: /"Oslo"/ } })
  const { calls } = await streamed(client, { ...ask, tools: [weather], reasoning_effort: 'none' })
  t.same(calls, [['weather', '{"city": "Oslo"}']])
  const second = await client.chat.completions.create({
    ...ask,
    tools: [weather],
    reasoning_effort: 'none',
    messages: [...ask.messages, { role: 'assistant', content: first.choices[0]?.message.content ?? '', tool_calls: [call].flatMap(one => one ?? []) }, { role: 'tool', tool_call_id: call?.id ?? '', content: 'sunny' }]
  })
  t.equal(second.choices[0]?.message.content, 'It is sunny in Oslo.')
  const [before, , after] = peer.jobs
  t.same(after?.tokenIds.slice(0, before?.tokenIds.length), before?.tokenIds, 'the second prompt goes on from the first')
})

await t.test('JSON mode is asked of the peer', async t => {
  scripted(replies(() => '{"a": 1}'))
  const { choices } = await client.chat.completions.create({ ...ask, reasoning_effort: 'none', response_format: { type: 'json_object' }, messages: [{ role: 'user', content: 'In json, please.' }] })
  t.equal(choices[0]?.message.content, '{"a": 1}')
  t.same(peer.jobs[0]?.constraint, { kind: 'json' })
})

await t.test('a client that leaves stops the peer\'s worker', async t => {
  const { source, stopped } = endless('On and')
  scripted(source)
  const stream = await client.chat.completions.create({ ...ask, reasoning_effort: 'none', stream: true })
  for await (const chunk of stream) if (chunk.choices[0]?.delta.content) break
  await stopped
  t.pass('the engine was told to stop')
})

await t.test('failures of the peer', async t => {
  const words = 'CUDA error in /opt/secret/kernel.cu'

  await t.test('before the text: an error of ours, without the words of anybody\'s engine', async t => {
    scripted(() => { throw new Error(words) })
    const error = await client.chat.completions.create(ask).catch((thrown: unknown) => thrown)
    t.match(error, { status: 502 })
    t.notMatch(String(error), /secret|CUDA/)
    t.ok(peer.jobs.length > 3, 'tried again, here and there')
  })

  await t.test('after it: the stream ends with an error event, and nothing is said twice', async t => {
    scripted(function * () {
      yield * idsOf('one two three')
      throw new Error(words)
    })
    let text = ''
    const error = await (async () => {
      for await (const chunk of await client.chat.completions.create({ ...ask, reasoning_effort: 'none', stream: true })) text += chunk.choices[0]?.delta.content ?? ''
    })().catch((thrown: unknown) => thrown)
    t.ok(error instanceof OpenAI.APIError)
    t.notMatch(String(error), /secret|CUDA/)
    t.match(text, /^one two/)
    t.equal(peer.jobs.length, 1)
  })

  await t.test('what the peer refuses for its length is refused here for its length', async t => {
    scripted(replies(() => 'Yes.'))
    await t.rejects(client.chat.completions.create({ ...ask, max_tokens: 1, messages: [{ role: 'user', content: 'word '.repeat(9000) }] }), { status: 400, code: 'context_length_exceeded' })
  })

  await t.test('a peer that takes nothing more is a full house', async t => {
    isOn.draining = true
    await t.rejects(client.chat.completions.create(ask), { status: 503, code: 'no_worker_available' })
  })
})

interface Streamed {
  text: string
  reasoning: string
  calls: string[][]
  usage: OpenAI.CompletionUsage | undefined
}

async function streamed (client: OpenAI, request: OpenAI.ChatCompletionCreateParamsNonStreaming): Promise<Streamed> {
  const seen: Streamed = { text: '', reasoning: '', calls: [], usage: undefined }
  for await (const { choices, usage } of await client.chat.completions.create({ ...request, stream: true, stream_options: { include_usage: true } })) {
    const delta: OpenAI.ChatCompletionChunk.Choice.Delta & { reasoning_content?: string | null } = choices[0]?.delta ?? {}
    seen.text += delta.content ?? ''
    seen.reasoning += delta.reasoning_content ?? ''
    for (const { index, function: call } of delta.tool_calls ?? []) {
      const [name = '', text = ''] = seen.calls[index] ?? []
      seen.calls[index] = [name + (call?.name ?? ''), text + (call?.arguments ?? '')]
    }
    seen.usage = usage ?? seen.usage
  }
  return seen
}
