/**
 * openai for Node, 6 and 7, against our own engine. Version 7 asks for Node 22; on Node 20 it is imported all the same, and
 * what is tested here works.
 */
import OpenAI6 from 'openai'
import OpenAI7 from 'openai-7'
import { zodResponseFormat, zodTextFormat } from 'openai/helpers/zod'
import t from 'tap'
import { z } from 'zod'
import { flash, france, longAnswer, placeQuestion, sizes, startMiniGateway, tooLongQuestion, weather } from './mini-gateway.js'

/** The same calls must do in both. */
const versions: Array<[name: string, Client: typeof OpenAI6]> = [['openai 6', OpenAI6], ['openai 7', OpenAI7 as unknown as typeof OpenAI6]]

const gateway = await startMiniGateway(t)

const chat = { model: flash, temperature: 0, reasoning_effort: 'none' as const }
const ask = { ...chat, messages: [{ role: 'user' as const, content: france.question }] }
const tools = [{ type: 'function' as const, function: { name: weather.name, description: weather.description, parameters: weather.parameters } }]
const place = z.object({ city: z.string(), size: z.enum(sizes) })

for (const [name, Client] of versions) {
  await t.test(name, async t => {
    const client = new Client({ baseURL: `${gateway.url}/v1`, apiKey: gateway.apiKey, maxRetries: 0 })

    await t.test('chat: plain and streamed, without thinking and with', async t => {
      const whole = await client.chat.completions.create(ask)
      t.match(whole, { object: 'chat.completion', model: flash, choices: [{ message: { role: 'assistant', content: france.answer, refusal: null }, finish_reason: 'stop' }] })
      t.match(whole._request_id, /^[0-9a-f-]{36}$/)
      const stream = client.chat.completions.stream({ ...ask, stream_options: { include_usage: true } })
      t.equal((await stream.finalChatCompletion()).choices[0]?.message.content, france.answer)
      t.strictSame(await stream.totalUsage(), { ...await stream.totalUsage(), completion_tokens: whole.usage?.completion_tokens, prompt_tokens: whole.usage?.prompt_tokens })

      const thinking = { ...ask, reasoning_effort: 'high' as const }
      const { choices: [thought], usage } = await client.chat.completions.create(thinking)
      const reasoning = Reflect.get(thought?.message ?? {}, 'reasoning_content') as unknown
      t.ok(typeof reasoning === 'string' && reasoning.length > 0)
      t.ok((usage?.completion_tokens_details?.reasoning_tokens ?? 0) > 0)
      let streamed = ''
      for await (const chunk of await client.chat.completions.create({ ...thinking, stream: true })) {
        streamed += Reflect.get(chunk.choices[0]?.delta ?? {}, 'reasoning_content') as string | null ?? ''
      }
      t.equal(streamed, reasoning)
    })

    await t.test('tools: forced, streamed, and by the helper that runs them', async t => {
      const messages = [{ role: 'user' as const, content: weather.question }]
      const forced = { ...chat, messages, tools, tool_choice: { type: 'function' as const, function: { name: weather.name } } }
      const { choices: [choice] } = await client.chat.completions.create(forced)
      t.equal(choice?.finish_reason, 'tool_calls')
      const [call] = choice?.message.tool_calls ?? []
      t.match(call, { id: /^call_00_/, type: 'function', function: { name: weather.name } })
      t.match(JSON.parse(call?.type === 'function' ? call.function.arguments : ''), { city: String })
      const streamed = await client.chat.completions.stream(forced).finalChatCompletion()
      t.match(streamed.choices[0], { finish_reason: 'tool_calls', message: { tool_calls: [{ function: { name: weather.name, arguments: call?.type === 'function' ? call.function.arguments : '' } }] } })

      const asked: string[] = []
      const runner = client.chat.completions.runTools({
        ...chat,
        messages,
        tools: [{ type: 'function', function: { ...tools[0]?.function, parse: JSON.parse, parameters: weather.parameters, description: weather.description, function: ({ city }: { city: string }) => { asked.push(city); return weather.result } } }]
      }, { maxChatCompletions: 2 })
      await runner.done()
      t.equal(runner.messages.some(message => message.role === 'tool'), asked.length > 0)
      t.strictSame(runner.messages.map(({ role }) => role).slice(0, 2), ['user', 'assistant'])
    })

    await t.test('structured output: parsed by the helpers, in chat and in responses', async t => {
      const question = [{ role: 'user' as const, content: placeQuestion }]
      const { choices: [choice] } = await client.chat.completions.parse({ ...chat, messages: question, max_tokens: 300, response_format: zodResponseFormat(place, 'place') })
      t.ok(place.safeParse(choice?.message.parsed).success)
      const response = await client.responses.parse({ model: flash, input: placeQuestion, max_output_tokens: 300, temperature: 0, reasoning: { effort: 'none' }, text: { format: zodTextFormat(place, 'place') } })
      t.ok(place.safeParse(response.output_parsed).success)
      const json = await client.chat.completions.create({ ...chat, messages: question, max_tokens: 300, response_format: { type: 'json_object' } })
      t.type(JSON.parse(json.choices[0]?.message.content ?? ''), Object)
    })

    await t.test('responses: plain, streamed, kept and continued', async t => {
      const asked = { model: flash, input: france.question, temperature: 0, reasoning: { effort: 'none' as const } }
      const whole = await client.responses.create({ ...asked, store: true })
      t.match(whole, { status: 'completed', output_text: france.answer })
      t.equal((await client.responses.stream(asked).finalResponse()).output_text, france.answer)
      t.equal((await client.responses.retrieve(whole.id)).output_text, france.answer)
      const next = await client.responses.create({ ...asked, previous_response_id: whole.id })
      t.ok((next.usage?.input_tokens ?? 0) > (whole.usage?.total_tokens ?? 0))
      await client.responses.delete(whole.id)
    })

    await t.test('models, completions', async t => {
      const ids = []
      for await (const { id } of client.models.list()) ids.push(id)
      t.ok(ids.includes(flash))
      t.match(await client.models.retrieve('deepseek-v4-pro'), { id: 'deepseek-v4-pro', object: 'model' })
      t.match(await client.completions.create({ model: flash, prompt: 'The capital of France', max_tokens: 4, temperature: 0 }), { object: 'text_completion', usage: { completion_tokens: Number } })
    })

    await t.test('errors are of the class that the client has for them', async t => {
      const stranger = new Client({ baseURL: `${gateway.url}/v1`, apiKey: 'wrong', maxRetries: 0 })
      const refusal = async (promise: Promise<unknown>) => await promise.then(() => null, (error: unknown) => error)
      const errors: Array<[refused: unknown, Expected: new (...given: never[]) => Error, fields: object]> = [
        [await refusal(stranger.chat.completions.create(ask)), Client.AuthenticationError, { status: 401, code: 'invalid_api_key', type: 'authentication_error' }],
        [await refusal(client.chat.completions.create({ ...ask, model: 'gpt-0' })), Client.BadRequestError, { status: 400, code: 'model_not_found', param: 'model' }],
        [await refusal(client.chat.completions.create({ ...ask, temperature: 'hot' as never })), Client.UnprocessableEntityError, { status: 422, param: 'temperature' }],
        [await refusal(client.models.retrieve('gpt-0')), Client.NotFoundError, { status: 404, code: 'model_not_found' }],
        [await refusal(client.embeddings.create({ model: flash, input: 'x' })), Client.NotFoundError, { status: 404 }],
        [await refusal(client.chat.completions.create({ ...ask, messages: [{ role: 'user', content: tooLongQuestion }] })), Client.BadRequestError, { status: 400, code: 'context_length_exceeded', message: /maximum context length/ }]
      ]
      for (const [refused, Expected, fields] of errors) {
        t.ok(refused instanceof Expected, Expected.name)
        t.match(refused, { requestID: /./, ...fields })
      }
    })

    await t.test('abort', async t => {
      const stream = await client.chat.completions.create({ ...ask, ...longAnswer, stream: true })
      let text = ''
      for await (const chunk of stream) {
        text += chunk.choices[0]?.delta.content ?? ''
        if (text.length > 10) stream.controller.abort()
      }
      t.ok(france.answer.startsWith(text.slice(0, 10)))
    })
  })
}

await t.test('the gateway has noticed who left', async t => {
  const outcomes = await gateway.outcomes()
  t.equal(outcomes.filter(outcome => outcome === 'cancelled').length, versions.length)
  t.strictSame([...new Set(outcomes)].sort(), ['cancelled', 'completed'])
})
