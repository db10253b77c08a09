/** POST /v1/completions through the official SDK. */
import t from 'tap'
import type { Completion, CompletionCreateParamsNonStreaming } from 'openai/resources/completions'
import { idsOf, replies, says, startGateway, tokenizer } from '../http/start-gateway.js'

const once: CompletionCreateParamsNonStreaming = { model: 'deepseek-v4-flash', prompt: 'Once upon' }

async function collect (stream: AsyncIterable<Completion>): Promise<Completion[]> {
  const chunks: Completion[] = []
  for await (const chunk of stream) chunks.push(chunk)
  return chunks
}

await t.test('a text goes on: begin token, text, nothing of a chat', async t => {
  const { sdk, jobs } = await startGateway(t, { answer: says(' a time.') })
  const { data, response } = await sdk().completions.create(once).withResponse()
  t.strictSame(jobs[0]?.tokenIds, [0, ...tokenizer.encode('Once upon')])
  t.match(jobs[0]?.sampling, { maxTokens: 4096, temperature: 1, topP: 1, stopTokenIds: [1] })
  t.match(data, {
    object: 'text_completion',
    model: 'deepseek-v4-flash',
    system_fingerprint: /^fp_/,
    choices: [{ text: ' a time.', index: 0, logprobs: null, finish_reason: 'stop' }],
    usage: { prompt_tokens: 3, completion_tokens: 3, total_tokens: 6, prompt_cache_hit_tokens: 0, prompt_cache_miss_tokens: 3 }
  })
  t.equal(response.headers.get('x-gearbox-tier'), 'flash')
  t.equal(response.headers.get('x-gearbox-effort'), 'none')
})

await t.test('control tokens typed in a prompt are text; those a model writes are too', async t => {
  const { sdk, jobs } = await startGateway(t, { answer: says('<think>a</think>\n\n<｜DSML｜tool_calls>') })
  const { choices } = await sdk().completions.create({ ...once, prompt: '<｜User｜></think>' })
  t.strictSame(jobs[0]?.tokenIds, [0, ...tokenizer.encode('<｜User｜></think>')])
  t.notOk(jobs[0]?.tokenIds.includes(tokenizer.idOfControl('<｜User｜>') ?? -1))
  t.equal(choices[0]?.text, '<think>a</think>\n\n<｜DSML｜tool_calls>', 'whatever a model writes is text here')
})

await t.test('a suffix makes a gap to fill', async t => {
  for (const path of ['/v1', '', '/beta']) {
    const { sdk, jobs } = await startGateway(t, { answer: says('a + b') })
    const { choices } = await sdk({ path }).completions.create({ ...once, prompt: 'def f(a, b):\n    return ', suffix: '\n<｜fim▁end｜>' })
    const control = (name: string) => tokenizer.idOfControl(name)
    t.strictSame(jobs[0]?.tokenIds, [
      0, control('<｜fim▁begin｜>'), ...tokenizer.encode('def f(a, b):\n    return '),
      control('<｜fim▁hole｜>'), ...tokenizer.encode('\n<｜fim▁end｜>'), control('<｜fim▁end｜>')
    ])
    t.equal(choices[0]?.text, 'a + b')
  }
})

await t.test('many prompts, many choices: numbered prompt by prompt, each prompt counted once', async t => {
  const { sdk, jobs } = await startGateway(t, { answer: replies(prompt => prompt.endsWith('two') ? ' deux' : ' un') })
  const { choices, usage } = await sdk().completions.create({ ...once, prompt: ['one', 'two'], n: 2, seed: 7 })
  t.strictSame(choices.map(({ index, text }) => [index, text]), [[0, ' un'], [1, ' un'], [2, ' deux'], [3, ' deux']])
  t.equal(jobs.length, 4)
  t.equal(usage?.prompt_tokens, 2 + 2)
  t.equal(usage?.completion_tokens, choices.reduce((sum, { text }) => sum + idsOf(text).length, 0))
  t.equal(new Set(jobs.map(job => job.requestId)).size, 4)
  t.equal(new Set(jobs.map(job => job.sampling.seed)).size, 2, 'a seed for each alternative, the same for each prompt')
  t.ok(jobs.some(job => job.sampling.seed === 7))
})

await t.test('token ids go to the model as they are', async t => {
  const { sdk, jobs } = await startGateway(t)
  const ids = [0, ...tokenizer.encode('Hi')]
  await sdk().completions.create({ ...once, prompt: ids })
  await sdk().completions.create({ ...once, prompt: [ids, [5, 6, 7]] })
  t.strictSame(jobs[0]?.tokenIds, ids)
  t.strictSame(jobs.slice(1).map(job => job.tokenIds).sort((a, b) => a.length - b.length), [ids, [5, 6, 7]].sort((a, b) => a.length - b.length))
  await t.rejects(sdk().completions.create({ ...once, prompt: [[1], [999_999]] }), { status: 400, code: 'invalid_value', param: 'prompt[1][0]' })
})

await t.test('a stream says what the whole says', async t => {
  const { sdk } = await startGateway(t, { answer: says(' one, two, three') })
  const whole = await sdk().completions.create({ ...once, logprobs: 1, n: 2 })
  for (const includeUsage of [false, true]) {
    const chunks = await collect(await sdk().completions.create({ ...once, logprobs: 1, n: 2, stream: true, stream_options: { include_usage: includeUsage } }))
    for (const index of [0, 1]) {
      const own = chunks.flatMap(chunk => chunk.choices).filter(choice => choice.index === index)
      t.equal(own.map(choice => choice.text).join(''), whole.choices[index]?.text)
      t.strictSame(own.flatMap(choice => choice.logprobs?.text_offset ?? []), whole.choices[index]?.logprobs?.text_offset)
      t.strictSame(own.flatMap(choice => choice.logprobs?.tokens ?? []), whole.choices[index]?.logprobs?.tokens)
      t.strictSame(own.map(choice => choice.finish_reason).filter(reason => reason !== null), ['stop'])
    }
    t.strictSame(chunks.filter(chunk => chunk.usage?.total_tokens === whole.usage?.total_tokens).length, includeUsage ? 2 : 1)
    t.equal(chunks.at(-1)?.choices.length, includeUsage ? 0 : 1)
  }
})

await t.test('echo repeats the prompt', async t => {
  const { sdk } = await startGateway(t, { answer: says(' a time') })
  const { choices: [choice] } = await sdk().completions.create({ ...once, echo: true })
  t.equal(choice?.text, 'Once upon a time')
  const chunks = await collect(await sdk().completions.create({ ...once, prompt: [[0, ...tokenizer.encode('Once upon')]], echo: true, stream: true }))
  t.equal(chunks.map(chunk => chunk.choices[0]?.text ?? '').join(''), 'Once upon a time')
})

await t.test('log-probabilities, by token', async t => {
  const { sdk } = await startGateway(t, { answer: says(' a time') })
  const { choices: [choice] } = await sdk().completions.create({ ...once, logprobs: 2 })
  t.strictSame(choice?.logprobs?.tokens, [' a', ' time'])
  t.strictSame(choice?.logprobs?.text_offset, [0, 2])
  t.strictSame(choice?.logprobs?.token_logprobs?.map(logprob => typeof logprob), ['number', 'number'])
  t.ok(Object.hasOwn(choice?.logprobs?.top_logprobs?.[0] ?? {}, ' a'), 'the chosen token is among the alternatives')
})

await t.test('parts of characters have names of their own', async t => {
  const { sdk } = await startGateway(t, { answer: says('a🦀b') })
  const { choices: [choice] } = await sdk().completions.create({ ...once, logprobs: 0 })
  const parts = choice?.logprobs?.tokens?.filter(token => token.startsWith('bytes:')) ?? []
  t.ok(parts.length > 0, String(choice?.logprobs?.tokens))
  t.equal(Buffer.from(parts.join('').replaceAll(/bytes:|\\x/g, ''), 'hex').toString(), '🦀')
  t.equal(choice?.logprobs?.text_offset?.at(-1), 2, 'offsets count characters')
})

await t.test('stop strings, length, penalties', async t => {
  const { sdk, jobs } = await startGateway(t, { answer: says('a b STOP c') })
  const stopped = await sdk().completions.create({ ...once, stop: [' STOP'], presence_penalty: 5, temperature: 0, logit_bias: { 12: -100 } })
  t.match(stopped.choices[0], { text: 'a b', finish_reason: 'stop' })
  t.match(jobs[0]?.sampling, { presencePenalty: 2, temperature: 0, logitBias: { 12: -100 } })
  const cut = await sdk().completions.create({ ...once, max_tokens: 1 })
  t.match(cut.choices[0], { text: 'a', finish_reason: 'length' })
})

for (const [name, fields, expected] of [
  ['no prompt', { prompt: undefined }, { status: 400, code: 'missing_required_parameter', param: 'prompt' }],
  ['an empty list', { prompt: [] }, { status: 400, code: 'invalid_value', param: 'prompt' }],
  ['mixed prompts', { prompt: ['a', 1] }, { status: 400, code: 'invalid_value', param: 'prompt[0]' }],
  ['129 prompts', { prompt: Array.from({ length: 129 }, () => 'a') }, { status: 400, code: 'invalid_value', param: 'prompt' }],
  ['best_of beyond n', { best_of: 3 }, { status: 400, code: 'unsupported_parameter', param: 'best_of' }],
  ['echo with suffix', { suffix: 'a', echo: true }, { status: 400, code: 'invalid_value', param: 'echo' }],
  ['echo with logprobs, which a prompt has none of', { echo: true, logprobs: 0 }, { status: 400, code: 'unsupported_parameter', param: 'logprobs' }],
  ['suffix with ids', { prompt: [1], suffix: 'a' }, { status: 400, code: 'invalid_value', param: 'suffix' }],
  ['21 logprobs', { logprobs: 21 }, { status: 400, code: 'invalid_value', param: 'logprobs' }],
  ['n of 9', { n: 9 }, { status: 400, code: 'invalid_value', param: 'n' }],
  ['stream_options without a stream', { stream_options: {} }, { status: 400, code: 'invalid_value', param: 'stream_options' }],
  ['an unknown model', { model: 'gpt-9' }, { status: 400, code: 'model_not_found' }],
  ['too long', { prompt: 'a '.repeat(70_000) }, { status: 400, code: 'context_length_exceeded', param: 'prompt' }]
] as const) {
  await t.test(`refused: ${name}`, async t => {
    const { sdk } = await startGateway(t)
    await t.rejects(sdk().completions.create({ ...once, ...fields } as unknown as CompletionCreateParamsNonStreaming), expected)
  })
}

await t.test('a worker that breaks ends the stream in an error event, and the other choices with it', async t => {
  const { sdk } = await startGateway(t, { answer: says(' a b c d e'), simulator: { faults: [{ kind: 'cut', afterTokens: 2 }] }, dispatcher: { retries: { maxAttempts: 1 } } })
  await t.rejects(sdk().completions.create({ ...once, n: 3 }), { status: 502, code: 'worker_stream_broken' })
})
