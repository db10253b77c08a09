/** What the shipped checkpoints do when they are asked through the official SDK: their answers, not only the form of them. */
import OpenAI from 'openai'
import t from 'tap'
import { startMiniGateway, weather } from './mini-gateway.js'

const gateway = await startMiniGateway(t)
const client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: gateway.apiKey, maxRetries: 0 })
const pro = 'deepseek-v4-pro'
const quiet = { temperature: 0, thinking: { type: 'disabled' } } as const

for (const model of ['deepseek-v4-flash', pro]) {
  await t.test(`${model}: a tool is called, and its result is told`, async t => {
    const { name, description, parameters, question, result } = weather
    const request = { model, ...quiet, tools: [{ type: 'function' as const, function: { name, description, parameters } }] }
    const asked: OpenAI.ChatCompletionMessageParam[] = [{ role: 'user', content: question }]
    const first = (await client.chat.completions.create({ ...request, messages: asked })).choices[0]
    t.equal(first?.finish_reason, 'tool_calls')
    const call = first?.message.tool_calls?.[0]
    t.match(call, { type: 'function', function: { name, arguments: '{"city": "Paris"}' } })
    if (first === undefined || call === undefined) return
    const second = await client.chat.completions.create({ ...request, messages: [...asked, first.message, { role: 'tool', tool_call_id: call.id, content: result }] })
    t.match(second.choices[0]?.message.content, /sunny.*21/)
  })

  await t.test(`${model}: fields are found in a sentence`, async t => {
    const { choices: [choice] } = await client.chat.completions.create({
      model,
      ...quiet,
      messages: [{ role: 'user', content: 'My name is Alice and I am 34 years old. Return JSON with keys name, age.' }],
      response_format: { type: 'json_object' }
    })
    t.strictSame(JSON.parse(choice?.message.content ?? ''), { name: 'Alice', age: 34 })
  })

  await t.test(`${model}: it says what it is, and what it does not know`, async t => {
    const answer = async (content: string): Promise<unknown> => (await client.chat.completions.create({ model, ...quiet, messages: [{ role: 'user', content }] })).choices[0]?.message.content
    t.match(await answer('Who are you?'), /-mini, a small demonstration model/)
    t.match(await answer('What is the capital of Wakanda?'), /I don't know/)
  })
}

await t.test('thinking leads to the right sum, and more effort thinks longer', async t => {
  const messages = [{ role: 'user' as const, content: 'Anna has 12 apples. Anna buys 30 more, then loses 7. How many apples does Anna have now?' }]
  const lengths: number[] = []
  for (const effort of ['low', 'high', 'max'] as const) {
    const { choices: [choice], usage } = await client.chat.completions.create({ model: pro, temperature: 0, messages, reasoning_effort: effort as 'high' })
    t.equal(choice?.message.content, 'The answer is 35.')
    t.match(choice?.message, { reasoning_content: /42-7:.*35/ })
    lengths.push(usage?.completion_tokens_details?.reasoning_tokens ?? 0)
  }
  t.strictSame(lengths, lengths.toSorted((a, b) => a - b))
  t.ok(Number(lengths[2]) > Number(lengths[0]))
})
