/** Against recorded wire: DeepSeek's API as documented (test/fixtures/wire/README.md). */
import t from 'tap'
import type { Chat } from '../../../../workers/contract/chat.js'
import { OpenAiAdapter } from '../../../../workers/engines/openai/openai-adapter.js'
import { RemoteEngine } from '../../../../workers/engines/remote/remote-engine.js'
import { makeJob } from '../../make-job.js'
import { answerOf, sendJson, sendStream, served, settingsOf, startWireServer, wireText, type WireServer } from '../remote/wire-server.js'

const chat: Chat = {
  messages: [
    { role: 'system', content: 'Be brief.' },
    { role: 'user', content: 'Weather?' },
    { role: 'assistant', content: '', reasoning: 'A tool.', toolCalls: [{ id: 'call_1', name: 'weather', argumentsText: '{"city":"Rome"}' }], isPrefix: false },
    { role: 'tool', toolCallId: 'call_1', content: 'sunny' }
  ],
  tools: [{ name: 'weather', description: null, parameters: { type: 'object' }, isStrict: false }],
  toolChoice: { kind: 'named', name: 'weather' },
  allowsParallelToolCalls: true,
  responseFormat: { kind: 'text' },
  effort: 'max',
  stopStrings: ['END']
}

interface Options { thinkingStyle?: 'deepseek' | 'template', apiKey?: string | null, effortLadder?: 'preview' | '0731' }

async function start (t: Parameters<typeof startWireServer>[0], stream: string, { thinkingStyle = 'deepseek', apiKey = null, effortLadder = '0731' }: Options = {}): Promise<{ engine: RemoteEngine, server: WireServer }> {
  const server = await startWireServer(t, {
    'GET /v1/models': (_body, response) => sendJson(response, 200, { object: 'list', data: [{ id: 'deepseek-v4-pro' }, { id: 'deepseek-v4-flash' }] }),
    'POST /v1/chat/completions': (_body, response) => sendStream(response, stream)
  })
  const settings = settingsOf(`${server.url}/v1`, { model: 'deepseek-v4-flash', apiKey, served: { ...served, effortLadder, contextTokens: 1000 } })
  const engine = new RemoteEngine(await OpenAiAdapter.open({ ...settings, thinkingStyle, constraints: [] }), { pollMs: 3_600_000 })
  t.after(async () => { await engine.close() })
  return { engine, server }
}

await t.test('reasoning, text and tool calls arrive as pieces; counts are the server\'s', async t => {
  const { engine } = await start(t, wireText('deepseek-chat.sse'))
  t.match(engine.describe(), { engine: 'openai', capabilities: { tokenIds: false, resume: false, logprobs: false, constraints: [] } })
  t.same(await answerOf(engine, makeJob({ chat })), [
    { type: 'accepted', cachedTokens: null },
    { type: 'text', channel: 'reasoning', text: 'Let me ' },
    { type: 'text', channel: 'reasoning', text: 'look.' },
    { type: 'text', channel: 'content', text: 'I look it up.' },
    { type: 'tool-call', index: 0, id: 'call_00_a', name: 'weather', argumentsText: '' },
    { type: 'tool-call', index: 0, id: null, name: null, argumentsText: '{"city":' },
    { type: 'tool-call', index: 0, id: null, name: null, argumentsText: '"Oslo"}' },
    { type: 'done', finish: 'stop', stopTokenId: null, usage: { promptTokens: 411, completionTokens: 57, cachedTokens: 384, reasoningTokens: 12 } }
  ])
})

await t.test('the request says everything: thinking, effort, tools, limits, and the key in the header only', async t => {
  const { engine, server } = await start(t, wireText('deepseek-chat.sse'), { apiKey: 'sk-secret' })
  await answerOf(engine, makeJob({ chat, sampling: { temperature: 0.5, topP: 0.9, maxTokens: 77 } }))
  const request = server.seen.find(({ path }) => path.endsWith('/chat/completions'))
  t.equal(request?.headers.authorization, 'Bearer sk-secret')
  t.same(request?.body, {
    model: 'deepseek-v4-flash',
    messages: [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'Weather?' },
      { role: 'assistant', content: '', reasoning_content: 'A tool.', tool_calls: [{ id: 'call_1', type: 'function', function: { name: 'weather', arguments: '{"city":"Rome"}' } }] },
      { role: 'tool', tool_call_id: 'call_1', content: 'sunny' }
    ],
    stream: true,
    stream_options: { include_usage: true },
    max_tokens: 77,
    temperature: 0.5,
    top_p: 0.9,
    stop: ['END'],
    tools: [{ type: 'function', function: { name: 'weather', parameters: { type: 'object' } } }],
    tool_choice: { type: 'function', function: { name: 'weather' } },
    thinking: { type: 'enabled' },
    reasoning_effort: 'max'
  })
})

await t.test('an answer as long as the context leaves some of it to the server\'s own count', async t => {
  const { engine, server } = await start(t, wireText('deepseek-chat.sse'))
  await answerOf(engine, makeJob({ chat, sampling: { maxTokens: 997 } }))
  t.match(server.seen.find(({ path }) => path.endsWith('/chat/completions'))?.body, { max_tokens: 1000 - 3 - 256 })
})

await t.test('thinking is always said, in the words of the server and of the checkpoint', async t => {
  const cases = [
    ['none', {}, { thinking: { type: 'disabled' } }],
    ['low', {}, { thinking: { type: 'enabled' }, reasoning_effort: 'low' }],
    ['low', { effortLadder: 'preview' }, { thinking: { type: 'enabled' }, reasoning_effort: 'high' }],
    ['none', { thinkingStyle: 'template' }, { chat_template_kwargs: { thinking: false } }],
    ['high', { thinkingStyle: 'template' }, { chat_template_kwargs: { thinking: true, reasoning_effort: 'high' } }]
  ] as const
  for (const [effort, options, expected] of cases) {
    const { engine, server } = await start(t, wireText('deepseek-chat.sse'), options)
    await answerOf(engine, makeJob({ chat: { ...chat, effort } }))
    t.match(server.seen.find(({ path }) => path.endsWith('/chat/completions'))?.body, expected)
  }
})

await t.test('no conversation, no answer; refusals of the server keep their meaning', async t => {
  const { engine, server } = await start(t, '')
  t.match(await answerOf(engine, makeJob()), [{ type: 'fail', code: 'chat-needed', retryable: false }])
  const refusals = [
    [402, 'Insufficient Balance', { code: 'engine-out-of-funds', blame: 'worker', retryable: true }],
    [429, 'slow down', { code: 'queue-full', blame: 'worker', retryable: true }],
    [400, "This model's maximum context length is 1048576 tokens", { code: 'context-overflow', blame: 'request', retryable: false }],
    [401, 'no such key', { code: 'engine-refused', blame: 'worker', retryable: true }]
  ] as const
  for (const [status, message, expected] of refusals) {
    server.routes = { 'POST /v1/chat/completions': (_body, response) => sendJson(response, status, { error: { message, type: 'x' } }) }
    t.match((await answerOf(engine, makeJob({ chat }))).at(-1), { type: 'fail', ...expected })
  }
})

await t.test('a stream that stops without a finish is broken; a full machine is the server\'s fault', async t => {
  const cut = await start(t, 'data: {"choices":[{"delta":{"content":"Hel"},"finish_reason":null}]}\n\n')
  t.match((await answerOf(cut.engine, makeJob({ chat }))).at(-1), { type: 'fail', code: 'engine-stream-broken', retryable: true })
  const full = await start(t, 'data: {"choices":[{"delta":{},"finish_reason":"insufficient_system_resource"}]}\n\ndata: [DONE]\n\n')
  t.match((await answerOf(full.engine, makeJob({ chat }))).at(-1), { type: 'fail', code: 'engine-error', retryable: true })
})

await t.test('a model that the server does not list is refused at the start', async t => {
  const server = await startWireServer(t, { 'GET /models': (_body, response) => sendJson(response, 200, { data: [{ id: 'other' }] }) })
  await t.rejects(OpenAiAdapter.open({ ...settingsOf(server.url, { model: 'deepseek-v4-flash' }), thinkingStyle: 'deepseek', constraints: [] }), /serves other, not deepseek-v4-flash/)
})
