/** The Responses dialect, as the official SDK meets it. */
import t from 'tap'
import OpenAI from 'openai'
import type { Response, ResponseCreateParamsNonStreaming, ResponseFunctionToolCall, ResponseInputItem, ResponseStreamEvent, Tool } from 'openai/resources/responses/responses'
import { hashSecret } from '../../src/accounts/keys.js'
import { createKeyVerifier } from '../../src/http/key-verifier.js'
import { endless, replies, says, startGateway, tokenizer, type GatewayOptions, type Teardown } from '../http/start-gateway.js'

const hello: ResponseCreateParamsNonStreaming = { model: 'auto', input: 'Hello' }
const withoutThinking: ResponseCreateParamsNonStreaming = { ...hello, reasoning: { effort: 'none' } }
const weather: Tool = { type: 'function', name: 'get_weather', description: 'Weather of a city', parameters: { type: 'object', properties: { city: { type: 'string' } } }, strict: false }

const callOf = (name: string, parameter: string, value: string) => `<｜DSML｜invoke name="${name}">\n<｜DSML｜parameter name="${parameter}" string="true">${value}</｜DSML｜parameter>\n</｜DSML｜invoke>\n`
const callsText = (...calls: string[]) => `\n\n<｜DSML｜tool_calls>\n${calls.join('')}</｜DSML｜tool_calls>`
const twoCalls = callsText(callOf('get_weather', 'city', 'Paris'), callOf('get_weather', 'city', 'Rome'))

async function ask (t: Teardown, options: GatewayOptions, fields: Partial<ResponseCreateParamsNonStreaming> = {}): Promise<Response> {
  return await (await startGateway(t, options)).sdk().responses.create({ ...hello, ...fields })
}

async function eventsOf (t: Teardown, options: GatewayOptions, fields: Partial<ResponseCreateParamsNonStreaming> = {}): Promise<ResponseStreamEvent[]> {
  const events: ResponseStreamEvent[] = []
  for await (const event of await (await startGateway(t, options)).sdk().responses.create({ ...hello, ...fields, stream: true })) events.push(event)
  return events
}

await t.test('a plain answer, whole', async t => {
  const gateway = await startGateway(t, { answer: says('Hello there.') })
  const { data, response } = await gateway.sdk().responses.create({ ...withoutThinking, metadata: { a: 'b' } }).withResponse()
  t.match(data, {
    id: /^[0-9a-f-]{36}$/,
    object: 'response',
    status: 'completed',
    model: 'deepseek-v4-flash',
    error: null,
    incomplete_details: null,
    output_text: 'Hello there.',
    output: [{ id: /^msg_/, type: 'message', status: 'completed', role: 'assistant', content: [{ type: 'output_text', text: 'Hello there.', annotations: [], logprobs: [] }] }],
    store: false,
    previous_response_id: null,
    parallel_tool_calls: true,
    metadata: { a: 'b' },
    reasoning: { effort: 'none', summary: null },
    text: { format: { type: 'text' } },
    usage: { input_tokens: 5, input_tokens_details: { cached_tokens: 0 }, output_tokens: 3, output_tokens_details: { reasoning_tokens: 0 }, total_tokens: 8 }
  })
  t.equal(response.headers.get('x-gearbox-tier'), 'flash')
  t.match(gateway.jobs[0], { tokenIds: [0, 128803, 19923, 128804, 128822] })
})

await t.test('a stream: every event in order, numbered, named', async t => {
  const events = await eventsOf(t, { answer: says(`Let me look.</think>Sure.${callsText(callOf('get_weather', 'city', 'Paris'))}`) }, { tools: [weather] })
  t.strictSame(events.map(event => event.sequence_number), events.map((_, position) => position))
  const order = events.map(event => event.type)
  t.strictSame(order.filter((type, position) => type !== order[position - 1]), [
    'response.created', 'response.in_progress',
    'response.output_item.added', 'response.content_part.added', 'response.reasoning_text.delta', 'response.reasoning_text.done', 'response.content_part.done', 'response.output_item.done',
    'response.output_item.added', 'response.content_part.added', 'response.output_text.delta', 'response.output_text.done', 'response.content_part.done', 'response.output_item.done',
    'response.output_item.added', 'response.function_call_arguments.delta', 'response.function_call_arguments.done', 'response.output_item.done',
    'response.completed'
  ])
  const last = events.at(-1)
  t.match(last, { response: { status: 'completed', usage: { output_tokens_details: { reasoning_tokens: 4 } } } })
  const done = events.filter(event => event.type === 'response.output_item.done').map(event => event.item)
  t.strictSame(done, last?.type === 'response.completed' ? last.response.output : null, 'items are done as they are at the end')
  t.match(done, [
    { type: 'reasoning', summary: [], content: [{ type: 'reasoning_text', text: 'Let me look.' }] },
    { type: 'message', content: [{ text: 'Sure.' }] },
    { type: 'function_call', call_id: /^call_00_/, name: 'get_weather', arguments: '{"city": "Paris"}' }
  ])

  const { url } = await startGateway(t)
  const raw = await (await fetch(`${url}/responses`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ ...hello, stream: true }) })).text()
  t.ok(raw.trimEnd().split('\n\n').every(block => /^event: ([\w.]+)\ndata: \{"type":"\1","sequence_number":\d+,/.test(block)))
  t.notMatch(raw, '[DONE]')
})

await t.test('the SDK\'s stream helper arrives at the same response as one piece', async t => {
  const options = { answer: says(`Think.</think>Both.${twoCalls}`) }
  const whole = await ask(t, options, { tools: [weather] })
  const streamed = await (await startGateway(t, options)).sdk().responses.stream({ model: 'auto', input: 'Hello', tools: [weather] }).finalResponse()
  const comparable = ({ output, status, usage }: object & Pick<Response, 'output' | 'status' | 'usage'>) => JSON.parse(JSON.stringify({ output, status, usage }, (key, value: unknown) => key === 'parsed_arguments' || key === 'parsed' ? undefined : value).replaceAll(/"(msg|rs|fc|call)_\w+"/g, '"id"')) as unknown
  t.strictSame(comparable(streamed), comparable(whole))
})

await t.test('a tool loop: items go back as they came, and the prompt continues word for word', async t => {
  const gateway = await startGateway(t, { answer: replies(prompt => prompt.includes('<tool_result>') ? 'done</think>Sunny.' : `I look it up.</think>Wait.${twoCalls}`) })
  const client = gateway.sdk()
  const first = await client.responses.create({ ...hello, tools: [weather], instructions: 'Be brief.' })
  const calls = first.output.filter((item): item is ResponseFunctionToolCall => item.type === 'function_call')
  const second = await client.responses.create({
    ...hello,
    instructions: 'Be brief.',
    tools: [weather],
    input: [
      { role: 'user', content: [{ type: 'input_text', text: 'Hello' }] },
      ...first.output as ResponseInputItem[],
      { type: 'function_call_output', call_id: calls[1]?.call_id ?? '', output: [{ type: 'input_text', text: 'rain' }, { type: 'input_image', image_url: 'data:', detail: 'auto' }] },
      { type: 'function_call_output', call_id: calls[0]?.call_id ?? '', output: 'sun' }
    ]
  })
  t.equal(second.output_text, 'Sunny.')
  const [before, after] = gateway.jobs
  const sent = before?.tokenIds ?? []
  t.strictSame(after?.tokenIds.slice(0, sent.length), sent)
  t.equal(tokenizer.decode(after?.tokenIds.slice(sent.length) ?? []), `I look it up.</think>Wait.${twoCalls}<｜end▁of▁sentence｜><｜User｜><tool_result>sun</tool_result>\n\n<tool_result>rain\n\n[Unsupported input_image]</tool_result><｜Assistant｜><think>`)
})

await t.test('what Codex needs: unknown tools pass, apply_patch is free text, reasoning survives sealed', async t => {
  const patch = '*** Begin Patch\n*** Add File: "a" \\\n+x\n*** End Patch'
  const gateway = await startGateway(t, { answer: replies(prompt => prompt.includes('<tool_result>') ? 'fine</think>Done.' : `I patch.</think>${callsText(callOf('apply_patch', 'input', patch))}`) })
  const tools = [
    { type: 'custom', name: 'apply_patch', description: 'Edits files.', format: { type: 'grammar', syntax: 'lark', definition: 'start: begin_patch' } },
    { type: 'namespace', name: 'mcp', tools: [] }, { type: 'web_search' }, { type: 'image_generation' }, { type: 'local_shell' }
  ] as unknown as Tool[]
  const fields = { ...hello, tools, store: false, include: ['reasoning.encrypted_content' as const] }
  const events: ResponseStreamEvent[] = []
  for await (const event of await gateway.sdk().responses.create({ ...fields, stream: true })) events.push(event)
  const items = events.filter(event => event.type === 'response.output_item.done').map(event => event.item as object)
  t.match(items, [{ type: 'reasoning', encrypted_content: /^v4\./ }, { type: 'custom_tool_call', name: 'apply_patch', call_id: /^call_/, input: patch }])
  t.match(events.find(event => event.type === 'response.custom_tool_call_input.done'), { input: patch })
  t.match(tokenizer.decode(gateway.jobs[0]?.tokenIds ?? []), /Edits files\.\\n\\nThe input follows this lark grammar:\\nstart: begin_patch/)

  const [reasoning, call] = items as [{ encrypted_content: string }, { call_id: string }]
  const history = [
    { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'Hello' }] },
    { type: 'reasoning', summary: [], encrypted_content: reasoning.encrypted_content },
    { ...call, status: undefined },
    { type: 'custom_tool_call_output', call_id: call.call_id, output: 'ok' },
    { type: 'web_search_call', id: 'ws_1', status: 'completed' }, { type: 'compaction', encrypted_content: 'x' }
  ]
  await gateway.sdk().responses.create({ ...fields, input: history as ResponseInputItem[] })
  const [before, after] = gateway.jobs
  const sent = before?.tokenIds ?? []
  t.strictSame(after?.tokenIds.slice(0, sent.length), sent)
  t.match(tokenizer.decode(after?.tokenIds.slice(sent.length) ?? []), /^I patch\.<\/think>\n\n<｜DSML｜tool_calls>[^]*End Patch[^]*<tool_result>ok<\/tool_result>/)
})

await t.test('an answer that was kept can be fetched, continued and deleted', async t => {
  const gateway = await startGateway(t, { answer: replies(prompt => prompt.includes('Again') ? 'Bye.' : 'Hi.') })
  const client = gateway.sdk()
  const first = await client.responses.create({ ...withoutThinking, instructions: 'Old.', store: true })
  t.match(first, { store: true })
  t.strictSame(await client.responses.retrieve(first.id), first)

  const second = await client.responses.stream({ model: 'auto', input: 'Again', reasoning: { effort: 'none' }, instructions: 'New.', store: true, previous_response_id: first.id }).finalResponse()
  t.equal(second.output_text, 'Bye.')
  t.equal(second.previous_response_id, first.id)
  t.equal(tokenizer.decode(gateway.jobs[1]?.tokenIds ?? []), '<｜begin▁of▁sentence｜>New.<｜User｜>Hello<｜Assistant｜></think>Hi.<｜end▁of▁sentence｜><｜User｜>Again<｜Assistant｜></think>')
  t.match(await client.responses.retrieve(second.id), { output_text: 'Bye.' })

  await client.responses.delete(first.id)
  await t.rejects(client.responses.retrieve(first.id), { status: 404, code: 'response_not_found' })
  await t.rejects(client.responses.delete(first.id), { status: 404, code: 'response_not_found' })
  await t.rejects(client.responses.create({ ...hello, previous_response_id: first.id }), { status: 400, code: 'previous_response_not_found', param: 'previous_response_id' })
  const unkept = await client.responses.create(withoutThinking)
  await t.rejects(client.responses.retrieve(unkept.id), { status: 404, code: 'response_not_found' })
})

await t.test('a call that was kept is answered by its output alone', async t => {
  const gateway = await startGateway(t, { answer: replies(prompt => prompt.includes('<tool_result>') ? 'ok</think>Sunny.' : `Look.</think>${twoCalls}`) })
  const client = gateway.sdk()
  const first = await client.responses.create({ ...hello, tools: [weather], store: true })
  const outputs = first.output.filter((item): item is ResponseFunctionToolCall => item.type === 'function_call').map(({ call_id: id }) => ({ type: 'function_call_output' as const, call_id: id, output: 'sun' }))
  const second = await client.responses.create({ ...hello, tools: [weather], input: outputs, previous_response_id: first.id })
  t.equal(second.output_text, 'Sunny.')
  await t.rejects(client.responses.create({ ...hello, tools: [weather], input: outputs.slice(1), previous_response_id: first.id }), { status: 400, message: /No tool output found for function call call_00_/ })
})

await t.test('nobody finds what another key has kept', async t => {
  const hashes = ['sk-one', 'sk-two'].map(hashSecret)
  const gateway = await startGateway(t, { verifyKey: createKeyVerifier(hashes) })
  const { id } = await gateway.sdk({ apiKey: 'sk-one' }).responses.create({ ...hello, store: true })
  t.equal((await gateway.sdk({ apiKey: 'sk-one' }).responses.retrieve(id)).id, id)
  await t.rejects(gateway.sdk({ apiKey: 'sk-two' }).responses.retrieve(id), { status: 404, code: 'response_not_found' })
  await t.rejects(gateway.sdk({ apiKey: 'sk-two' }).responses.create({ ...hello, previous_response_id: id }), { status: 400, code: 'previous_response_not_found' })
})

await t.test('the limit leaves an incomplete response', async t => {
  t.match(await ask(t, { answer: says('one two three') }, { reasoning: { effort: 'none' }, max_output_tokens: 2 }), { status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' }, output_text: 'one two', output: [{ status: 'incomplete' }] })
  const events = await eventsOf(t, { answer: says('one two three') }, { max_output_tokens: 2 })
  t.match(events.at(-1), { type: 'response.incomplete', response: { status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' } } })
})

await t.test('text.format: a schema is enforced or refused, JSON is asked for', async t => {
  const format = { type: 'json_schema' as const, name: 'x', schema: { type: 'object', properties: { a: { type: 'integer' } } }, strict: true }
  const able = await startGateway(t, { answer: says('{"a": 1}'), constraints: ['json', 'schema'] })
  const parsed = await able.sdk().responses.parse({ ...withoutThinking, text: { format } })
  t.strictSame(parsed.output_parsed, { a: 1 })
  t.match(able.jobs[0], { constraint: { kind: 'schema', schema: format.schema } })
  await t.rejects(ask(t, {}, { text: { format } }), { status: 400, code: 'unsupported_parameter', param: 'text.format' })
  await t.rejects(ask(t, {}, { text: { format: { type: 'json_object' } } }), { status: 400, message: /must contain the word 'json'/ })
  t.equal((await ask(t, { answer: says('{}') }, { ...withoutThinking, input: 'JSON please', text: { format: { type: 'json_object' } } })).output_text, '{}')
})

await t.test('tool_choice in every form', async t => {
  const time: Tool = { ...weather, name: 'get_time' }
  const offered = async (choice: ResponseCreateParamsNonStreaming['tool_choice']) => {
    const gateway = await startGateway(t, { answer: says('</think>Yes.') })
    const { response } = await gateway.sdk().responses.create({ ...hello, tools: [weather, time], tool_choice: choice ?? 'auto' }).withResponse()
    const prompt = tokenizer.decode(gateway.jobs[0]?.tokenIds ?? [])
    return `${['get_weather', 'get_time'].filter(name => prompt.includes(name)).join()} ${response.headers.get('x-gearbox-effort-reason')}`
  }
  t.equal(await offered('auto'), 'get_weather,get_time default')
  t.equal(await offered('none'), ' default')
  t.equal(await offered('required'), 'get_weather,get_time tool-choice')
  t.equal(await offered({ type: 'function', name: 'get_time' }), 'get_time tool-choice')
  t.equal(await offered({ type: 'allowed_tools', mode: 'auto', tools: [{ type: 'function', name: 'get_weather' }] }), 'get_weather default')
  for (const choice of [{ type: 'function', name: 'nobody' }, { type: 'web_search' }, { type: 'allowed_tools', mode: 'required', tools: [] }] as const) {
    await t.rejects(ask(t, {}, { tools: [weather], tool_choice: choice as never }), { status: 400, message: /tool_choice/ })
  }
})

await t.test('log-probabilities, when asked for', async t => {
  const events = await eventsOf(t, { answer: says('hm</think>Yes, sir.') }, { top_logprobs: 2 })
  const last = events.at(-1)
  const [, message] = last?.type === 'response.completed' ? last.response.output : []
  const logprobs = message?.type === 'message' && message.content[0]?.type === 'output_text' ? message.content[0].logprobs ?? [] : []
  t.equal(Buffer.from(logprobs.flatMap(({ bytes }) => bytes)).toString(), 'Yes, sir.')
  t.ok(logprobs.every(({ top_logprobs: top }) => top.length === 2))
  const deltas = events.flatMap(event => event.type === 'response.output_text.delta' ? event.logprobs : [])
  t.equal(deltas.length, logprobs.length)
})

const refusals: Array<[name: string, fields: object, status: number, code: string, param: string]> = [
  ['nothing to answer', { input: undefined }, 400, 'missing_required_parameter', 'input'],
  ['an unknown model', { model: 'gpt-5' }, 400, 'model_not_found', 'model'],
  ['a wrong type', { input: 5 }, 422, 'invalid_type', 'input'],
  ['a wrong value', { temperature: 3 }, 400, 'invalid_value', 'temperature'],
  ['an unknown role', { input: [{ role: 'robot', content: 'x' }] }, 422, 'invalid_type', 'input[0].role'],
  ['a message without a role', { input: [{ content: 'x' }] }, 400, 'missing_required_parameter', 'input[0].role'],
  ['a file', { input: [{ role: 'user', content: [{ type: 'input_file', file_id: 'x' }] }] }, 400, 'unsupported_parameter', 'input[0].content[0]'],
  ['an image from two places', { input: [{ role: 'user', content: [{ type: 'input_image', file_id: 'x', image_url: 'y' }] }] }, 400, 'invalid_value', 'input[0].content[0]'],
  ['an output without its call', { input: [{ type: 'function_call_output', call_id: 'a', output: 'x' }] }, 400, 'invalid_value', 'input'],
  ['a call without its output', { input: [{ type: 'function_call', call_id: 'a', name: 'f', arguments: '{}' }] }, 400, 'invalid_value', 'input'],
  ['a custom tool of another kind', { tools: [{ type: 'custom', name: 'shell' }] }, 400, 'unsupported_parameter', 'tools[0].name'],
  ['a tool twice', { tools: [{ type: 'web_search' }, weather, weather] }, 400, 'invalid_value', 'tools[2].name'],
  ['a name that is none', { tools: [{ type: 'function', name: 'a b' }] }, 400, 'invalid_value', 'tools[0].name'],
  ['a prompt that is too long', { input: 'word '.repeat(3000) }, 400, 'context_length_exceeded', 'input'],
  ['a completion that is too long', { max_output_tokens: 500_000 }, 400, 'context_length_exceeded', 'input']
]

await t.test('refusals', async t => {
  const gateway = await startGateway(t, { contextTokens: 2000 })
  for (const [name, fields, status, code, parameter] of refusals) {
    const error: unknown = await gateway.sdk().responses.create({ ...hello, ...fields } as ResponseCreateParamsNonStreaming).catch((thrown: unknown) => thrown)
    t.ok(error instanceof OpenAI.APIError, name)
    t.match(error, { status, code, param: parameter, requestID: /./ }, name)
  }
})

await t.test('a failure in mid-stream: the response has failed, and the SDK throws', async t => {
  const fault = { kind: 'fail' as const, afterTokens: 2, event: { code: 'out-of-memory', message: 'no room', blame: 'worker' as const, retryable: false } }
  const gateway = await startGateway(t, { answer: says('one two three'), simulator: { faults: [fault] }, dispatcher: { retries: { maxAttempts: 1 } } })
  const events: ResponseStreamEvent[] = []
  const error: unknown = await (async () => {
    for await (const event of await gateway.sdk().responses.create({ ...withoutThinking, stream: true })) events.push(event)
  })().catch((thrown: unknown) => thrown)
  t.ok(error instanceof OpenAI.APIError)
  t.match(error, { code: /^worker_/, type: 'server_error' })
  t.match(events.at(-1), { type: 'response.failed', response: { status: 'failed', error: { code: /^worker_/, message: /request_id/ }, output: [{ content: [{ text: 'one two' }] }] } })
})

await t.test('a silent stream begins, and says in_progress', async t => {
  const gateway = await startGateway(t, { settings: { keepAliveMs: 20 }, answer: () => ({ [Symbol.asyncIterator]: () => ({ next: async () => await new Promise(() => {}) }) }) })
  const types: string[] = []
  const stream = await gateway.sdk().responses.create({ ...hello, stream: true })
  for await (const event of stream) {
    types.push(event.type)
    if (types.length === 4) break
  }
  t.strictSame(types, ['response.created', ...Array.from({ length: 3 }, () => 'response.in_progress')])
})

await t.test('a client that leaves stops the job', async t => {
  const { source, stopped } = endless('one two three')
  const gateway = await startGateway(t, { answer: source })
  for await (const event of await gateway.sdk().responses.create({ ...withoutThinking, stream: true })) {
    if (event.type === 'response.output_text.delta' && event.delta === ' two') break
  }
  await stopped
  t.equal(gateway.jobs.length, 1)
})
