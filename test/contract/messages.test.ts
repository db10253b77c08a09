/** Anthropic's dialect, as its official SDK meets it. */
import t from 'tap'
import Anthropic from '@anthropic-ai/sdk'
import type { Message, MessageCreateParamsNonStreaming, RawMessageStreamEvent, Tool } from '@anthropic-ai/sdk/resources/messages'
import { endless, replies, says, startGateway, tokenizer, type Gateway, type GatewayOptions, type Teardown } from '../http/start-gateway.js'

const hello: MessageCreateParamsNonStreaming = { model: 'claude-sonnet', max_tokens: 1000, messages: [{ role: 'user', content: 'Hello' }] }
const withoutThinking: MessageCreateParamsNonStreaming = { ...hello, thinking: { type: 'disabled' } }
const weather: Tool = { name: 'get_weather', description: 'Weather of a city', input_schema: { type: 'object', properties: { city: { type: 'string' }, id: { type: 'integer' } } } }

const callOf = (city: string) => `<｜DSML｜invoke name="get_weather">\n<｜DSML｜parameter name="city" string="true">${city}</｜DSML｜parameter>\n<｜DSML｜parameter name="id" string="false">12345678901234567890</｜DSML｜parameter>\n</｜DSML｜invoke>\n`
const callText = `\n\n<｜DSML｜tool_calls>\n${callOf('Paris')}</｜DSML｜tool_calls>`
const twoCallsText = `\n\n<｜DSML｜tool_calls>\n${callOf('Paris')}${callOf('Rome')}</｜DSML｜tool_calls>`

function sdkOf ({ url }: Gateway, path = ''): Anthropic {
  return new Anthropic({ baseURL: `${url}${path}`, apiKey: 'none', maxRetries: 0 })
}

async function ask (t: Teardown, options: GatewayOptions, fields: Partial<MessageCreateParamsNonStreaming> = {}): Promise<Message> {
  return await sdkOf(await startGateway(t, options)).messages.create({ ...hello, ...fields })
}

async function eventsOf (t: Teardown, options: GatewayOptions, fields: Partial<MessageCreateParamsNonStreaming> = {}): Promise<RawMessageStreamEvent[]> {
  const events: RawMessageStreamEvent[] = []
  const stream = await sdkOf(await startGateway(t, options)).messages.create({ ...hello, ...fields, stream: true })
  for await (const event of stream) events.push(event)
  return events
}

await t.test('a plain answer, whole', async t => {
  const gateway = await startGateway(t, { answer: says('Hello there.') })
  const { data, response, request_id: requestId } = await sdkOf(gateway).messages.create(withoutThinking).withResponse()
  t.match(data, {
    id: /^msg_[0-9a-f]{32}$/,
    type: 'message',
    role: 'assistant',
    model: 'deepseek-v4-flash',
    content: [{ type: 'text', text: 'Hello there.' }],
    stop_reason: 'end_turn',
    stop_sequence: null,
    usage: { input_tokens: 5, cache_creation_input_tokens: 0, cache_read_input_tokens: 0, output_tokens: 3, service_tier: 'standard' }
  })
  t.equal(requestId, response.headers.get('request-id'))
  t.equal(response.headers.get('x-gearbox-tier'), 'flash')
  t.match(gateway.jobs[0], { tokenIds: [0, 128803, 19923, 128804, 128822], sampling: { maxTokens: 1000 } })
})

await t.test('thinking comes in a block of its own, with a signature', async t => {
  const { content, usage } = await ask(t, { answer: says('Let me think.</think>It is 4.') }, { thinking: { type: 'enabled', budget_tokens: 1024 } })
  t.match(content, [{ type: 'thinking', thinking: 'Let me think.', signature: /^msg_/ }, { type: 'text', text: 'It is 4.' }])
  t.equal(usage.output_tokens, 10)
})

await t.test('a stream of thinking and text has the events in the order the SDK insists on', async t => {
  const events = await eventsOf(t, { answer: says('hm hm</think>Yes.') })
  const order = events.map(event => 'delta' in event && event.type === 'content_block_delta' ? event.delta.type : event.type)
  t.strictSame(order.filter((type, position) => type !== order[position - 1]), [
    'message_start',
    'content_block_start', 'thinking_delta', 'signature_delta', 'content_block_stop',
    'content_block_start', 'text_delta', 'content_block_stop',
    'message_delta', 'message_stop'
  ])
  t.match(events[0], { message: { content: [], stop_reason: null, usage: { output_tokens: 0 } } })
  t.match(events.at(-2), { delta: { stop_reason: 'end_turn', stop_sequence: null }, usage: { output_tokens: 5 } })
})

await t.test('the wire itself: named events, a ping, no [DONE]', async t => {
  const { url } = await startGateway(t)
  const response = await fetch(`${url}/v1/messages?beta=true`, { method: 'POST', headers: { 'content-type': 'application/json', 'anthropic-beta': 'interleaved-thinking-2025-05-14,effort-2025-11-24' }, body: JSON.stringify({ ...withoutThinking, stream: true }) })
  t.equal(response.headers.get('content-type'), 'text/event-stream; charset=utf-8')
  const blocks = (await response.text()).trimEnd().split('\n\n')
  t.strictSame(blocks.map(block => /^event: (\w+)\ndata: \{"type":"(\w+)"/.exec(block)?.slice(1)).filter((names, position, all) => names?.[0] !== all[position - 1]?.[0]),
    ['message_start', 'content_block_start', 'ping', 'content_block_delta', 'content_block_stop', 'message_delta', 'message_stop'].map(name => [name, name]))
})

await t.test('the SDK\'s stream helper arrives at the same message as one piece', async t => {
  const options = { answer: says(`Think.</think>Both.${twoCallsText}`) }
  const whole = await ask(t, options, { tools: [weather] })
  const gateway = await startGateway(t, options)
  const streamed = await sdkOf(gateway).messages.stream({ ...hello, tools: [weather] }).finalMessage()
  const comparable = ({ content, stop_reason: reason, usage }: Message) => JSON.parse(JSON.stringify({ content, reason, input: usage.input_tokens, output: usage.output_tokens }).replaceAll(/msg_\w+|call_\w+/g, 'id')) as unknown
  t.strictSame(comparable(streamed), comparable(whole))
  t.equal(streamed.stop_reason, 'tool_use')
  t.strictSame(streamed.content.map(block => block.type), ['thinking', 'text', 'tool_use', 'tool_use'])
})

await t.test('thinking can be left out of the answer', async t => {
  const thinking = { type: 'adaptive', display: 'omitted' } as const
  const { content } = await ask(t, { answer: says('secret</think>Yes.') }, { thinking })
  t.match(content, [{ type: 'thinking', thinking: '', signature: /^msg_/ }, { type: 'text', text: 'Yes.' }])
  const events = await eventsOf(t, { answer: says('secret</think>Yes.') }, { thinking })
  t.notMatch(JSON.stringify(events), /secret|thinking_delta/)
  t.match(JSON.stringify(events), 'signature_delta')
})

await t.test('arguments go out as the model wrote them', async t => {
  const { url } = await startGateway(t, { answer: says(`</think>${callText}`) })
  const response = await fetch(`${url}/anthropic/v1/messages`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ ...hello, tools: [weather] }) })
  t.match(await response.text(), '"input":{"city": "Paris", "id": 12345678901234567890}')
})

await t.test('a tool loop: the call comes back as an object and is replayed word for word', async t => {
  const gateway = await startGateway(t, { answer: replies(prompt => prompt.includes('<tool_result>') ? 'done</think>Sunny.' : `I look it up.</think>${twoCallsText}`) })
  const client = sdkOf(gateway)
  const first = await client.messages.create({ ...hello, tools: [weather] })
  const calls = first.content.filter(block => block.type === 'tool_use')
  t.equal(calls.length, 2)
  const second = await client.messages.create({
    ...hello,
    tools: [weather],
    messages: [
      ...hello.messages,
      { role: 'assistant', content: first.content },
      {
        role: 'user',
        content: [
          { type: 'tool_result', tool_use_id: calls[1]?.id ?? '', content: [{ type: 'text', text: 'rain' }, { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AA==' } }] },
          { type: 'tool_result', tool_use_id: calls[0]?.id ?? '', is_error: true },
          { type: 'text', text: 'And now?' }
        ]
      }
    ]
  })
  t.match(second.content.at(-1), { type: 'text', text: 'Sunny.' })
  const [before, after] = gateway.jobs
  const sent = before?.tokenIds ?? []
  t.strictSame(after?.tokenIds.slice(0, sent.length), sent, 'the whole first prompt is a prefix of the second')
  t.equal(tokenizer.decode(after?.tokenIds.slice(sent.length) ?? []), `I look it up.</think>${twoCallsText}<｜end▁of▁sentence｜><｜User｜><tool_result>Error</tool_result>\n\n<tool_result>rain\n\n[Unsupported image]</tool_result>\n\nAnd now?<｜Assistant｜><think>`)
})

await t.test('tool_choice: none, any, one by name, one call only', async t => {
  const tools = [weather, { ...weather, name: 'get_time' }]
  const none = await ask(t, { answer: says('</think>see <｜DSML｜tool_calls>') }, { tools, tool_choice: { type: 'none' } })
  t.match(none.content, [{ type: 'text', text: 'see <｜DSML｜tool_calls>' }])
  for (const choice of [{ type: 'any' }, { type: 'tool', name: 'get_weather' }] as const) {
    const forced = await ask(t, { answer: says(callText.replace('\n\n<｜DSML｜tool_calls>\n', '')) }, { tools, tool_choice: choice })
    t.match(forced.content, [{ type: 'tool_use', name: 'get_weather', input: { city: 'Paris' } }])
  }
  const one = await ask(t, { answer: says(`</think>${twoCallsText}`) }, { tools, tool_choice: { type: 'auto', disable_parallel_tool_use: true } })
  t.equal(one.content.length, 1)
  await t.rejects(ask(t, {}, { tools, tool_choice: { type: 'tool', name: 'nobody' } }), { status: 400, message: /tool_choice names 'nobody'/ })
})

await t.test('stop sequences say which of them it was; the limit says so too', async t => {
  const stopped = await ask(t, { answer: says('END</think>one two END three') }, { stop_sequences: ['STOP', 'END'] })
  t.match(stopped, { stop_reason: 'stop_sequence', stop_sequence: 'END' })
  t.match(stopped.content.at(-1), { type: 'text', text: 'one two ' })
  t.match(await ask(t, { answer: says('one two three') }, { max_tokens: 2, thinking: { type: 'disabled' } }), { stop_reason: 'max_tokens', content: [{ text: 'one two' }] })
  const cut = await ask(t, { answer: says(`</think>Ok.${callText}`) }, { tools: [weather], max_tokens: 30 })
  t.equal(cut.stop_reason, 'max_tokens')
  t.strictSame(cut.content.map(block => block.type), ['text'], 'a call that was cut is no call')
})

await t.test('system, prefill and documents of text reach the prompt; what changes by itself does not', async t => {
  const gateway = await startGateway(t)
  await sdkOf(gateway).messages.create({
    ...withoutThinking,
    system: [{ type: 'text', text: 'x-anthropic-billing-header: cc_version=2; cch=abcde;' }, { type: 'text', text: 'Be brief.', cache_control: { type: 'ephemeral' } }],
    messages: [
      { role: 'user', content: [{ type: 'document', title: 'Notes', source: { type: 'text', media_type: 'text/plain', data: 'Some text.' } }, { type: 'text', text: 'Sum up.' }] },
      { role: 'assistant', content: 'In short:' }
    ]
  })
  t.equal(tokenizer.decode(gateway.jobs[0]?.tokenIds ?? []), '<｜begin▁of▁sentence｜>Be brief.<｜User｜>Notes\nSome text.\n\nSum up.<｜Assistant｜></think>In short:')
})

await t.test('names of models are mapped, as the settings say', async t => {
  const settings = { anthropicModels: { 'claude-opus*': 'deepseek-v4-pro', 'claude-3-*-old': 'auto', 'claude*': 'deepseek-v4-flash' } }
  const tierOf = async (model: string) => (await ask(t, { settings }, { model, thinking: { type: 'disabled' } })).model
  t.equal(await tierOf('claude-opus-9'), 'deepseek-v4-pro')
  t.equal(await tierOf('anthropic/Claude-Haiku-4-5[1m]'), 'deepseek-v4-flash')
  t.equal(await tierOf('claude-3-x-old'), 'deepseek-v4-flash')
  t.equal(await tierOf('deepseek-v4-pro'), 'deepseek-v4-pro')
})

await t.test('effort and thinking', async t => {
  const effortOf = async (fields: Partial<MessageCreateParamsNonStreaming>, options: GatewayOptions = {}) => {
    const { response } = await sdkOf(await startGateway(t, options)).messages.create({ ...hello, ...fields }).withResponse()
    return `${response.headers.get('x-gearbox-effort')} ${response.headers.get('x-gearbox-effort-reason')}`
  }
  t.equal(await effortOf({}), 'high default')
  t.equal(await effortOf({ thinking: { type: 'disabled' } }), 'none asked-by-body')
  t.equal(await effortOf({ thinking: { type: 'adaptive' }, output_config: { effort: 'low' } }), 'low asked-by-body')
  t.equal(await effortOf({ output_config: { effort: 'max' } }), 'max asked-by-body')
  const settings = { anthropicThinking: 'when-asked' } as const
  t.equal(await effortOf({}, { settings }), 'none asked-by-body')
  t.equal(await effortOf({ thinking: { type: 'enabled', budget_tokens: 1024 } }, { settings }), 'high asked-by-body')
})

await t.test('a format is asked for, and enforced where the engine can', async t => {
  const fields = { ...withoutThinking, output_config: { format: { type: 'json_schema' as const, schema: { type: 'object' } } } }
  const plain = await startGateway(t, { answer: says('{}') })
  await sdkOf(plain).messages.create(fields)
  t.equal(plain.jobs[0]?.constraint, undefined)
  t.match(tokenizer.decode(plain.jobs[0]?.tokenIds ?? []), '## Response Format:')
  const able = await startGateway(t, { answer: says('{}'), constraints: ['schema'] })
  await sdkOf(able).messages.create(fields)
  t.match(able.jobs[0], { constraint: { kind: 'schema', schema: { type: 'object' } } })
})

await t.test('tokens are counted exactly, and beyond the context too', async t => {
  const gateway = await startGateway(t, { contextTokens: 2000, answer: says('ok</think>Yes.') })
  const client = sdkOf(gateway)
  const { max_tokens: _, ...asked } = { ...hello, system: 'Be brief.', tools: [weather] }
  const counted = await client.messages.countTokens(asked)
  const { usage } = await client.messages.create({ ...hello, ...asked })
  t.equal(counted.input_tokens, usage.input_tokens + (usage.cache_read_input_tokens ?? 0))
  t.equal(counted.input_tokens, gateway.jobs[0]?.tokenIds.length)
  const long = await client.messages.countTokens({ ...asked, messages: [{ role: 'user', content: 'word '.repeat(3000) }] })
  t.ok(long.input_tokens > 3000)
  t.equal(gateway.jobs.length, 1, 'no worker is asked')
})

await t.test('models in Anthropic\'s shape', async t => {
  const gateway = await startGateway(t, { contextTokens: 4096 })
  const page = await sdkOf(gateway).models.list()
  t.ok(page.data.some(({ id }) => id === 'claude-opus'))
  t.match(page, { has_more: false, first_id: page.data[0]?.id, last_id: page.data.at(-1)?.id })
  t.match(page.data[0], { type: 'model', id: 'deepseek-v4-pro', display_name: 'DeepSeek V4 Pro (pro-simulated)', created_at: '2026-04-24T00:00:00.000Z', max_input_tokens: 4096, max_tokens: 4096 })
  t.match(await sdkOf(gateway).models.retrieve('claude-opus-4-5'), { type: 'model', id: 'claude-opus-4-5', display_name: /Pro/ })
  t.match(await sdkOf(gateway, '/anthropic').models.retrieve('auto'), { type: 'model' })
  await t.rejects(sdkOf(gateway).models.retrieve('gpt-5'), { status: 404, message: /not_found_error/ })
})

await t.test('a silent stream begins, and pings', async t => {
  const gateway = await startGateway(t, { settings: { keepAliveMs: 20 }, answer: () => ({ [Symbol.asyncIterator]: () => ({ next: async () => await new Promise(() => {}) }) }) })
  const leaving = new AbortController()
  const response = await fetch(`${gateway.url}/v1/messages`, { method: 'POST', signal: leaving.signal, headers: { 'content-type': 'application/json' }, body: JSON.stringify({ ...hello, stream: true }) })
  const reader = response.body?.getReader()
  let text = ''
  while (!text.includes('event: ping\ndata: {"type":"ping"}\n\nevent: ping')) text += Buffer.from((await reader?.read())?.value ?? []).toString()
  t.match(text, /^event: message_start\n/)
  t.equal(text.split('event: message_start').length, 2)
  leaving.abort()
})

await t.test('a client that leaves stops the job', async t => {
  const { source, stopped } = endless('one two three')
  const gateway = await startGateway(t, { answer: source })
  const stream = sdkOf(gateway).messages.stream(withoutThinking)
  stream.on('text', text => { if (text.includes('two')) stream.abort() })
  await t.rejects(stream.done(), Anthropic.APIUserAbortError)
  await stopped
  t.equal(gateway.jobs.length, 1)
})
