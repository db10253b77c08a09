import t from 'tap'
import type { ChatCompletionChunk, ChatCompletionCreateParamsNonStreaming } from 'openai/resources/chat/completions'
import { replies, says, startGateway, tokenizer, type GatewayOptions, type Teardown } from '../http/start-gateway.js'

const hello: ChatCompletionCreateParamsNonStreaming = { model: 'auto', messages: [{ role: 'user', content: 'Hello' }] }
const withoutThinking = { ...hello, thinking: { type: 'disabled' } } as ChatCompletionCreateParamsNonStreaming

const callText = '\n\n<｜DSML｜tool_calls>\n<｜DSML｜invoke name="get_weather">\n<｜DSML｜parameter name="city" string="true">Paris</｜DSML｜parameter>\n<｜DSML｜parameter name="days" string="false">3</｜DSML｜parameter>\n</｜DSML｜invoke>\n</｜DSML｜tool_calls>'
const twoCallsText = callText.replace('</｜DSML｜tool_calls>', '<｜DSML｜invoke name="get_time">\n\n</｜DSML｜invoke>\n</｜DSML｜tool_calls>')
const tools: ChatCompletionCreateParamsNonStreaming['tools'] = ['get_weather', 'get_time'].map(name => ({ type: 'function', function: { name, parameters: { type: 'object', properties: { city: { type: 'string' }, days: { type: 'integer' } } } } }))

async function collect (stream: AsyncIterable<ChatCompletionChunk>): Promise<ChatCompletionChunk[]> {
  const chunks: ChatCompletionChunk[] = []
  for await (const chunk of stream) chunks.push(chunk)
  return chunks
}

function textOf (chunks: ChatCompletionChunk[], field: 'content' | 'reasoning_content'): string {
  return chunks.map(chunk => (chunk.choices[0]?.delta as Record<string, string | null> | undefined)?.[field] ?? '').join('')
}

async function streamOf (t: Teardown, options: GatewayOptions, parameters: object): Promise<ChatCompletionChunk[]> {
  const gateway = await startGateway(t, options)
  return await collect(await gateway.sdk().chat.completions.create({ ...hello, ...parameters, stream: true }))
}

await t.test('a plain answer, whole', async t => {
  const { sdk, jobs } = await startGateway(t, { answer: says('Hello there.') })
  const { data, response, request_id: requestId } = await sdk().chat.completions.create(withoutThinking).withResponse()
  t.match(data, {
    object: 'chat.completion',
    model: 'deepseek-v4-flash',
    system_fingerprint: /^fp_flash-simulated_[0-9a-f]{12}$/,
    choices: [{ index: 0, finish_reason: 'stop', logprobs: null, message: { role: 'assistant', content: 'Hello there.', refusal: null } }],
    usage: { prompt_tokens: 5, completion_tokens: 3, total_tokens: 8, prompt_tokens_details: { cached_tokens: 0 }, prompt_cache_hit_tokens: 0, prompt_cache_miss_tokens: 5 }
  })
  t.match(data.id, /^[0-9a-f-]{36}$/)
  t.notOk('reasoning_content' in (data.choices[0]?.message ?? {}), 'no reasoning field without thinking')
  t.notOk('completion_tokens_details' in (data.usage ?? {}), 'nor a count of it')
  t.equal(requestId, response.headers.get('x-request-id'))
  t.match(Object.fromEntries(response.headers), {
    'request-id': requestId,
    'x-ds-trace-id': /^[0-9a-f]{32}$/,
    'x-gearbox-tier': 'flash',
    'x-gearbox-tier-reason': 'default',
    'x-gearbox-effort': 'none',
    'x-gearbox-checkpoint': 'flash-simulated',
    'x-gearbox-worker': 'flash-0',
    'x-gearbox-cached-tokens': '0',
    'x-gearbox-queue-ms': /^\d+$/,
    'content-type': 'application/json; charset=utf-8'
  })
  t.match(jobs[0], { tier: 'flash', checkpoint: 'flash-simulated', tokenIds: [0, 128803, 19923, 128804, 128822], sampling: { temperature: 1, topP: 1, maxTokens: 8192, stopTokenIds: [1] } })
})

await t.test('reasoning never leaks into content', async t => {
  const { sdk } = await startGateway(t, { answer: says('Let me think.\n</think>It is 4.') })
  const { choices: [choice], usage } = await sdk().chat.completions.create(hello)
  t.match(choice?.message, { content: 'It is 4.', reasoning_content: 'Let me think.' })
  t.equal(usage?.completion_tokens_details?.reasoning_tokens, 4)
})

await t.test('an answer that is all reasoning stays reasoning', async t => {
  const { sdk } = await startGateway(t, { answer: says('only thoughts') })
  const { choices: [choice] } = await sdk().chat.completions.create(hello)
  t.match(choice, { finish_reason: 'stop', message: { content: '', reasoning_content: 'only thoughts' } })
})

await t.test('reasoning can be hidden', async t => {
  const chunks = await streamOf(t, { answer: says('thoughts</think>answer') }, { include_reasoning: false })
  t.equal(textOf(chunks, 'content'), 'answer')
  t.notMatch(JSON.stringify(chunks), 'reasoning_content')
})

await t.test('a stream with thinking has the forms of the hosted API', async t => {
  const chunks = await streamOf(t, { answer: says('hm hm</think>Yes.') }, { stream_options: { include_usage: true } })
  t.strictSame(chunks[0]?.choices, [{ index: 0, delta: { role: 'assistant', content: null, reasoning_content: '' }, logprobs: null, finish_reason: null }])
  t.strictSame(chunks[1]?.choices[0]?.delta, { content: null, reasoning_content: 'hm' })
  t.equal(textOf(chunks, 'reasoning_content'), 'hm hm')
  t.equal(textOf(chunks, 'content'), 'Yes.')
  const [last, usageOnly] = chunks.slice(-2)
  t.strictSame(last?.choices, [{ index: 0, delta: { content: '', reasoning_content: null }, logprobs: null, finish_reason: 'stop' }])
  t.match(last?.usage, { completion_tokens: 5, completion_tokens_details: { reasoning_tokens: 2 } })
  t.strictSame(usageOnly?.choices, [])
  t.strictSame(usageOnly?.usage, last?.usage)
  t.ok(chunks.slice(0, -2).every(chunk => chunk.usage === null))
  t.equal(new Set(chunks.map(({ id, created, model, system_fingerprint: fingerprint }) => JSON.stringify([id, created, model, fingerprint]))).size, 1)
})

await t.test('a stream without thinking', async t => {
  const chunks = await streamOf(t, { answer: says('Yes, sir.') }, { thinking: { type: 'disabled' } })
  t.strictSame(chunks[0]?.choices[0]?.delta, { role: 'assistant', content: '' })
  t.strictSame(chunks.at(-1)?.choices[0], { index: 0, delta: { content: '' }, logprobs: null, finish_reason: 'stop' })
  t.equal(textOf(chunks, 'content'), 'Yes, sir.')
  t.ok(chunks.slice(0, -1).every(chunk => !('usage' in chunk)), 'no usage key before the last chunk')
})

for (const [layout, asked, onFinish, extra] of [
  ['deepseek', false, true, false], ['deepseek', true, true, false],
  ['openai', false, false, false], ['openai', true, false, true],
  ['both', false, true, false], ['both', true, true, true]
] as const) {
  await t.test(`usage layout ${layout}${asked ? ', asked for' : ''}`, async t => {
    const chunks = await streamOf(t, { settings: { usageChunk: layout } }, { thinking: { type: 'disabled' }, ...(asked ? { stream_options: { include_usage: true } } : {}) })
    const finish = chunks.find(chunk => chunk.choices[0]?.finish_reason === 'stop')
    t.equal(typeof finish?.usage?.total_tokens === 'number', onFinish)
    t.equal(chunks.at(-1)?.choices.length === 0, extra)
  })
}

await t.test('one tool call, streamed: identity once, arguments in pieces, no nulls', async t => {
  const chunks = await streamOf(t, { answer: says(`I will look.</think>${callText}`) }, { tools })
  const deltas = chunks.flatMap(chunk => chunk.choices[0]?.delta.tool_calls ?? [])
  t.match(deltas[0], { index: 0, id: /^call_00_[0-9A-Za-z]{24}$/, type: 'function', function: { name: 'get_weather', arguments: '' } })
  t.ok(deltas.slice(1).every(delta => Object.keys(delta).join() === 'index,function' && Object.keys(delta.function ?? {}).join() === 'arguments'))
  t.strictSame(JSON.parse(deltas.map(delta => delta.function?.arguments ?? '').join('')), { city: 'Paris', days: 3 })
  t.equal(chunks.at(-1)?.choices[0]?.finish_reason, 'tool_calls')
  t.equal(textOf(chunks, 'content'), '')
})

await t.test('parallel calls through the SDK\'s stream helper', async t => {
  const { sdk } = await startGateway(t, { answer: says(`</think>Both.${twoCallsText}`) })
  const message = await sdk().chat.completions.stream({ model: 'auto', messages: hello.messages, tools: tools ?? [] }).finalMessage()
  t.match(message.tool_calls, [
    { id: /^call_00_/, function: { name: 'get_weather', arguments: '{"city": "Paris", "days": 3}' } },
    { id: /^call_01_/, function: { name: 'get_time', arguments: '{}' } }
  ])
  t.equal(message.content, 'Both.')
})

await t.test('parallel_tool_calls false ends the answer after one call, and stops the worker', async t => {
  const { sdk } = await startGateway(t, { answer: says(`</think>${twoCallsText}`) })
  const { choices: [choice] } = await sdk().chat.completions.create({ ...hello, tools, parallel_tool_calls: false })
  t.equal(choice?.finish_reason, 'tool_calls')
  t.equal(choice?.message.tool_calls?.length, 1)
})

await t.test('a forced call is answered without thinking, and the answer says so', async t => {
  const { sdk, jobs } = await startGateway(t, { answer: says(callText.replace('\n\n<｜DSML｜tool_calls>\n', '')) })
  const { data, response } = await sdk().chat.completions.create({ ...hello, tools, tool_choice: { type: 'function', function: { name: 'get_weather' } } }).withResponse()
  t.match(data.choices[0], { finish_reason: 'tool_calls', message: { tool_calls: [{ function: { name: 'get_weather' } }] } })
  t.equal(response.headers.get('x-gearbox-effort'), 'none')
  t.equal(response.headers.get('x-gearbox-effort-reason'), 'tool-choice')
  t.equal(jobs.length, 1)
})

await t.test('a malformed call is repaired, never shown as text', async t => {
  const { sdk } = await startGateway(t, { answer: says('thinking<｜DSML｜tool_calls>\n<｜DSML｜invoke name="get_weather">\n<｜DSML｜parameter name="city" string="true">Rome</｜DSML｜invoke>') })
  const { choices: [choice] } = await sdk().chat.completions.create({ ...hello, tools })
  t.match(choice, { finish_reason: 'tool_calls', message: { content: '', reasoning_content: 'thinking', tool_calls: [{ function: { name: 'get_weather', arguments: '{"city": "Rome"}' } }] } })
})

await t.test('without tools on offer the markup is text', async t => {
  const { sdk } = await startGateway(t, { answer: says('see <｜DSML｜tool_calls>') })
  const { choices: [choice] } = await sdk().chat.completions.create({ ...withoutThinking, tools, tool_choice: 'none' })
  t.equal(choice?.message.content, 'see <｜DSML｜tool_calls>')
})

await t.test('a call comes back word for word, with the reasoning a client dropped', async t => {
  const odd = callText.replace('string="false">3<', 'string="false"> 3.0 <')
  const { sdk, jobs } = await startGateway(t, { answer: replies(prompt => prompt.includes('<tool_result>') ? 'done</think>Sunny.' : `I look it up.</think>${odd}`) })
  const first = await sdk().chat.completions.create({ ...hello, tools })
  const message = first.choices[0]?.message
  const id = message?.tool_calls?.[0]?.id ?? ''
  const second = await sdk().chat.completions.create({
    ...hello,
    tools,
    messages: [...hello.messages, { role: 'assistant', content: null, tool_calls: message?.tool_calls ?? [] }, { role: 'tool', tool_call_id: id, content: 'sun' }]
  })
  t.equal(second.choices[0]?.message.content, 'Sunny.')
  const [before, after] = jobs
  const sent = before?.tokenIds ?? []
  t.strictSame(after?.tokenIds.slice(0, sent.length), sent, 'the whole first prompt is a prefix of the second')
  t.match(tokenizer.decode(after?.tokenIds.slice(sent.length) ?? []), `I look it up.</think>${odd}<｜end▁of▁sentence｜><｜User｜><tool_result>sun</tool_result>`)
})

await t.test('stop strings are not returned, and only count in content', async t => {
  const { sdk } = await startGateway(t, { answer: says('END of thinking</think>one two END three') })
  const { choices: [choice] } = await sdk().chat.completions.create({ ...hello, stop: ['END'] })
  t.match(choice, { finish_reason: 'stop', message: { content: 'one two ', reasoning_content: 'END of thinking' } })
})

await t.test('max_tokens ends in length, also inside reasoning and arguments', async t => {
  const { sdk, jobs } = await startGateway(t, { answer: replies(prompt => prompt.includes('## Tools') ? `</think>${callText}` : 'one two three four five') })
  const short = await sdk().chat.completions.create({ ...hello, max_completion_tokens: 2 })
  t.match(short.choices[0], { finish_reason: 'length', message: { content: '', reasoning_content: 'one two' } })
  t.equal(short.usage?.completion_tokens, 2)
  const cut = await sdk().chat.completions.create({ ...hello, tools, max_tokens: 26 })
  t.equal(cut.choices[0]?.finish_reason, 'length')
  t.equal(jobs[1]?.sampling.maxTokens, 26)
})

await t.test('sampling reaches the worker', async t => {
  const { sdk, jobs } = await startGateway(t)
  await sdk().chat.completions.create({ ...hello, temperature: 0, top_p: 0.9, seed: 42, presence_penalty: 0.5, logit_bias: { 100: -100 } })
  t.match(jobs[0]?.sampling, { temperature: 0, topP: 0.9, seed: 42, presencePenalty: 0.5, logitBias: { 100: -100 }, maxTokens: 65_536 - (jobs[0]?.tokenIds.length ?? 0) })
})

await t.test('sampling is the model\'s own while thinking, when the settings say so', async t => {
  const { sdk, jobs } = await startGateway(t, { settings: { honoursSamplingInThinking: false } })
  await sdk().chat.completions.create({ ...hello, temperature: 0, seed: 42 })
  await sdk().chat.completions.create({ ...withoutThinking, temperature: 0 })
  t.match(jobs[0]?.sampling, { temperature: 1, seed: 42 })
  t.match(jobs[1]?.sampling, { temperature: 0 })
})

await t.test('JSON mode reaches the prompt, and the engine when it can', async t => {
  const request = { ...hello, messages: [{ role: 'user' as const, content: 'Answer as JSON' }], response_format: { type: 'json_object' as const } }
  const plain = await startGateway(t, { answer: says('ok</think>{"a": 1}') })
  t.equal((await plain.sdk().chat.completions.create(request)).choices[0]?.message.content, '{"a": 1}')
  t.equal(plain.jobs[0]?.constraint, undefined)
  t.match(tokenizer.decode(plain.jobs[0]?.tokenIds ?? []), '## Response Format:')

  const able = await startGateway(t, { answer: says('ok</think>{"a": 1}'), constraints: ['json', 'schema'] })
  await able.sdk().chat.completions.create(request)
  t.match(able.jobs[0], { constraint: { kind: 'json' }, constraintAfterTokenId: 128822 })
  await able.sdk().chat.completions.create({ ...withoutThinking, response_format: { type: 'json_schema', json_schema: { name: 'x', schema: { type: 'object' } } } })
  t.match(able.jobs[1], { constraint: { kind: 'schema', schema: { type: 'object' } } })
  t.equal(able.jobs[1]?.constraintAfterTokenId, undefined)
})

await t.test('log-probabilities stay with their text', async t => {
  const text = 'Grüße 👋!\nbye'
  const whole = await startGateway(t, { answer: says(`über</think>${text}`) })
  const { choices: [choice] } = await whole.sdk().chat.completions.create({ ...hello, logprobs: true, top_logprobs: 2 })
  const logprobs = choice?.logprobs as unknown as { content: Array<{ bytes: number[], top_logprobs: unknown[] }>, reasoning_content: Array<{ bytes: number[] }>, refusal: null }
  t.equal(Buffer.from(logprobs.content.flatMap(({ bytes }) => bytes)).toString(), text)
  t.equal(Buffer.from(logprobs.reasoning_content.flatMap(({ bytes }) => bytes)).toString(), 'über')
  t.ok(logprobs.content.every(({ top_logprobs: top }) => top.length === 2))
  t.equal(logprobs.refusal, null)

  const chunks = await collect(await whole.sdk().chat.completions.create({ ...hello, logprobs: true, stream: true }))
  let sentText = Buffer.alloc(0)
  let sentTokens = Buffer.alloc(0)
  for (const { choices: [piece] } of chunks) {
    sentText = Buffer.concat([sentText, Buffer.from(piece?.delta.content ?? '')])
    sentTokens = Buffer.concat([sentTokens, ...(piece?.logprobs?.content ?? []).map(({ bytes }) => Buffer.from(bytes ?? []))])
    t.ok(sentText.subarray(0, sentTokens.length).equals(sentTokens), 'tokens never run ahead of their text')
  }
  t.equal(sentTokens.toString(), text)
})

await t.test('a prefix is continued, not repeated', async t => {
  const { sdk, jobs } = await startGateway(t, { answer: says('print(1)\n```') })
  const { choices: [choice] } = await sdk({ path: '/beta' }).chat.completions.create({ ...withoutThinking, stop: ['```'], messages: [...hello.messages, { role: 'assistant', content: '```python\n', prefix: true } as ChatCompletionCreateParamsNonStreaming['messages'][number]] })
  t.equal(choice?.message.content, 'print(1)\n')
  t.match(tokenizer.decode(jobs[0]?.tokenIds ?? []), /<｜Assistant｜><\/think>```python\n$/)
})

await t.test('effort and tier follow the body, then the headers, and the answer says why', async t => {
  const { sdk } = await startGateway(t)
  const headersOf = async (parameters: object, headers: Record<string, string> = {}) => {
    const { response } = await sdk().chat.completions.create({ ...hello, ...parameters }, { headers }).withResponse()
    return ['tier', 'tier-reason', 'effort', 'effort-reason'].map(name => response.headers.get(`x-gearbox-${name}`)).join(' ')
  }
  t.equal(await headersOf({}), 'flash default high default')
  t.equal(await headersOf({ reasoning_effort: 'max' }), 'pro asked-for-effort max asked-by-body')
  t.equal(await headersOf({}, { 'x-gearbox-effort': 'max' }), 'pro asked-for-effort max asked-by-header')
  t.equal(await headersOf({ reasoning_effort: 'low' }, { 'x-gearbox-effort': 'max' }), 'flash default low asked-by-body')
  t.equal(await headersOf({}, { 'x-gearbox-tier': 'pro' }), 'pro asked-by-header high default')
  t.equal(await headersOf({ model: 'deepseek-v4-flash', reasoning_effort: 'max' }, { 'x-gearbox-tier': 'pro' }), 'flash pinned-by-model max asked-by-body')
  t.equal(await headersOf({ model: 'deepseek-ai/DeepSeek-V4-Pro' }), 'pro pinned-by-model high default')
  t.equal(await headersOf({ model: 'deepseek-chat' }), 'flash pinned-by-model none model-name')
  t.equal(await headersOf({ model: 'pro-simulated' }), 'pro pinned-by-model high default')
})

await t.test('every path serves, with and without /v1 and a slash at the end', async t => {
  const { url, sdk } = await startGateway(t)
  for (const path of ['/v1', '', '/beta']) {
    const { choices } = await sdk({ path }).chat.completions.create(withoutThinking)
    t.equal(choices[0]?.message.content, 'Hello there.', path)
  }
  const response = await fetch(`${url}/v1/chat/completions/`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(hello) })
  t.equal(response.status, 200)
})

await t.test('users and keys do not share cached prefixes', async t => {
  const { sdk, jobs } = await startGateway(t)
  await sdk().chat.completions.create(hello)
  await sdk().chat.completions.create({ ...hello, user: 'ann' })
  await sdk().chat.completions.create({ ...hello, user: 'bob' })
  await sdk().chat.completions.create({ ...hello, user_id: 'ann' } as ChatCompletionCreateParamsNonStreaming)
  const [none, ann, bob, annAgain] = jobs.map(job => job.cacheSalt)
  t.equal(none, undefined)
  t.not(ann, bob)
  t.equal(ann, annAgain)
})
