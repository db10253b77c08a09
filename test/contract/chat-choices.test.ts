/** Chat completions with several choices, biases, strict tools and forms of the answer. */
import t from 'tap'
import type { ChatCompletionChunk, ChatCompletionCreateParamsNonStreaming } from 'openai/resources/chat/completions'
import { endless, idsOf, says, startGateway } from '../http/start-gateway.js'

const hello: ChatCompletionCreateParamsNonStreaming = { model: 'deepseek-chat', messages: [{ role: 'user', content: 'Hello' }] }

await t.test('n choices: numbered, each with a seed of its own, the prompt counted once', async t => {
  let count = 0
  const { sdk, jobs } = await startGateway(t, { answer: job => says(`Answer ${++count}`)(job) })
  const { choices, usage } = await sdk().chat.completions.create({ ...hello, n: 3, seed: 5 })
  t.strictSame(choices.map(({ index, finish_reason: reason }) => [index, reason]), [[0, 'stop'], [1, 'stop'], [2, 'stop']])
  t.strictSame(choices.map(choice => choice.message.content).sort(), ['Answer 1', 'Answer 2', 'Answer 3'])
  t.equal(usage?.prompt_tokens, jobs[0]?.tokenIds.length)
  t.equal(usage?.completion_tokens, 3 * idsOf('Answer 1').length)
  t.equal(new Set(jobs.map(job => job.sampling.seed)).size, 3)
  t.equal(jobs.filter(job => job.sampling.seed === 5).length, 1)
  const seeds = jobs.map(job => job.sampling.seed).sort()
  jobs.length = 0
  await sdk().chat.completions.create({ ...hello, n: 3, seed: 5 })
  t.strictSame(jobs.map(job => job.sampling.seed).sort(), seeds, 'the same seed decides the same three')
  t.equal((await sdk().chat.completions.create({ ...hello, n: 1 })).choices.length, 1)
})

for (const [layout, includeUsage] of [['deepseek', true], ['openai', true], ['openai', false], ['both', true]] as const) {
  await t.test(`n choices in one stream, usage ${layout}${includeUsage ? ', asked for' : ''}`, async t => {
    const { sdk } = await startGateway(t, { answer: says('hm</think>One two three'), settings: { usageChunk: layout } })
    const chunks: ChatCompletionChunk[] = []
    const stream = await sdk().chat.completions.create({ ...hello, model: 'deepseek-reasoner', n: 2, stream: true, logprobs: true, stream_options: { include_usage: includeUsage } })
    for await (const chunk of stream) chunks.push(chunk)
    for (const index of [0, 1]) {
      const own = chunks.flatMap(chunk => chunk.choices).filter(choice => choice.index === index)
      t.match(own[0]?.delta, { role: 'assistant', reasoning_content: '' }, 'begins with its role')
      t.equal(own.map(choice => choice.delta.content ?? '').join(''), 'One two three')
      t.equal(own.flatMap(choice => choice.logprobs?.content ?? []).map(token => token.token).join(''), 'One two three')
      t.strictSame(own.map(choice => choice.finish_reason).filter(reason => reason !== null), ['stop'])
      t.equal(own.at(-1)?.finish_reason, 'stop', 'and ends with its reason')
    }
    const totals = chunks.filter(chunk => typeof chunk.usage?.total_tokens === 'number')
    t.equal(totals.length, Number(layout !== 'openai') + Number(layout !== 'deepseek' && includeUsage))
    t.ok(totals.every(chunk => chunk.usage?.completion_tokens === 2 * (idsOf('hm</think>One two three').length)))
  })
}

await t.test('the SDK\'s stream helper puts choices together', async t => {
  const { sdk } = await startGateway(t, { answer: says('Yes.') })
  const { choices } = await sdk().chat.completions.stream({ model: 'deepseek-chat', messages: hello.messages, n: 2 }).finalChatCompletion()
  t.strictSame(choices.map(choice => choice.message.content), ['Yes.', 'Yes.'])
})

await t.test('one choice that fails, or a client that leaves, ends all', async t => {
  const broken = await startGateway(t, { answer: says('a b c d'), simulator: { faults: [{ kind: 'cut', afterTokens: 2 }] }, dispatcher: { retries: { maxAttempts: 1 } } })
  await t.rejects(broken.sdk().chat.completions.create({ ...hello, n: 2 }), { status: 502, code: 'worker_stream_broken' })

  const endlessly = endless('And')
  const { sdk, engines } = await startGateway(t, { answer: endlessly.source })
  const stream = await sdk().chat.completions.create({ ...hello, n: 4, stream: true })
  for await (const chunk of stream) if (chunk.choices[0]?.delta.content !== '') break
  await endlessly.stopped
  for (let tries = 0; tries < 500 && engines.flash.load().running !== 0; tries++) await new Promise(resolve => setTimeout(resolve, 5))
  t.equal(engines.flash.load().running, 0)
})

await t.test('logit_bias reaches the worker by token id; ids that are none are refused', async t => {
  const { sdk, jobs } = await startGateway(t)
  await sdk().chat.completions.create({ ...hello, logit_bias: { 19923: -100, 5: 1.5 } })
  t.strictSame(jobs[0]?.sampling.logitBias, { 19923: -100, 5: 1.5 })
  await t.rejects(sdk().chat.completions.create({ ...hello, logit_bias: { 9999999: 1 } }), { status: 400, code: 'invalid_value', param: 'logit_bias' })
  await t.rejects(sdk().chat.completions.create({ ...hello, logit_bias: { Hello: 1 } }), { status: 400, code: 'invalid_value' })
  await t.rejects(sdk().chat.completions.create({ ...hello, logit_bias: { 5: 101 } }), { status: 400, code: 'invalid_value' })
})

await t.test('strict tools: schemas in the subset are taken, others refused with their place', async t => {
  const { sdk } = await startGateway(t)
  const ask = async (city: object) => await sdk({ path: '/beta' }).chat.completions.create({
    ...hello,
    tools: [{ type: 'function', function: { name: 'f', strict: true, parameters: { type: 'object', properties: { city }, required: ['city'], additionalProperties: false } } }]
  })
  t.ok(await ask({ type: 'string' }))
  await t.rejects(ask({ type: 'string', minLength: 1 }), { status: 400, code: 'invalid_value', param: 'tools[0].function.parameters.properties.city.minLength' })
})

await t.test('a form of the answer is enforced where the engine can, and refused or asked for where it cannot', async t => {
  const schema = { type: 'object', properties: { a: { type: 'string' } } }
  const asSchema: ChatCompletionCreateParamsNonStreaming['response_format'] = { type: 'json_schema', json_schema: { name: 'x', schema } }
  const able = await startGateway(t, { constraints: ['schema', 'json'], answer: says('{"a": "b"}') })
  await able.sdk().chat.completions.create({ ...hello, response_format: asSchema })
  t.strictSame(able.jobs[0]?.constraint, { kind: 'schema', schema })
  await able.sdk().chat.completions.create({ ...hello, messages: [{ role: 'user', content: 'as JSON' }], response_format: { type: 'json_object' } })
  t.strictSame(able.jobs[1]?.constraint, { kind: 'json' })
  await able.sdk().chat.completions.create({ ...hello, model: 'deepseek-reasoner', response_format: asSchema })
  t.equal(able.jobs[2]?.constraintAfterTokenId, 128822, 'after the reasoning')
  const unable = await startGateway(t)
  await t.rejects(unable.sdk().chat.completions.create({ ...hello, response_format: asSchema }), { status: 400, code: 'unsupported_parameter', param: 'response_format', message: /This response_format type is unavailable now/ })
})
