/** LangChain's ChatOpenAI and ChatDeepSeek against our own engine. */
import { HumanMessage, ToolMessage, type AIMessageChunk } from '@langchain/core/messages'
import { ChatDeepSeek } from '@langchain/deepseek'
import { ChatOpenAI } from '@langchain/openai'
import t from 'tap'
import { z } from 'zod'
import { flash, france, longAnswer, placeQuestion, sizes, startMiniGateway, tooLongQuestion, weather } from './mini-gateway.js'

const gateway = await startMiniGateway(t)

const place = z.object({ city: z.string(), size: z.enum(sizes) })
const tools = [{ type: 'function', function: { name: weather.name, description: weather.description, parameters: weather.parameters } }]

interface Settings { apiKey?: string, model?: string, extraBody?: object }
interface Client {
  name: string
  make: (settings?: Settings) => ChatOpenAI | ChatDeepSeek
  methods: ReadonlyArray<'jsonSchema' | 'functionCalling' | 'jsonMode'>
}

const settingsOf = ({ apiKey = gateway.apiKey, model = flash, extraBody = {} }: Settings) => ({ model, apiKey, temperature: 0, maxRetries: 0, configuration: { baseURL: `${gateway.url}/v1` }, modelKwargs: { ...extraBody } })
const clients: Client[] = [
  { name: 'ChatOpenAI', make: (settings = {}) => new ChatOpenAI(settingsOf(settings)), methods: ['jsonSchema', 'functionCalling'] },
  { name: 'ChatDeepSeek', make: (settings = {}) => new ChatDeepSeek(settingsOf(settings)), methods: ['functionCalling', 'jsonMode'] }
]

const counted = z.object({ usage_metadata: z.object({ total_tokens: z.number() }) })
const totalTokens = (message: unknown): number => counted.parse(message).usage_metadata.total_tokens

for (const { name, make, methods } of clients) {
  const quiet = make({ extraBody: { thinking: { type: 'disabled' } } })

  await t.test(name, async t => {
    await t.test('plain and streamed, without thinking and with', async t => {
      const whole = await quiet.invoke(france.question)
      t.match(whole, { content: france.answer, response_metadata: { finish_reason: 'stop' } })
      const join = async (model: ChatOpenAI | ChatDeepSeek): Promise<AIMessageChunk | undefined> => {
        let joined: AIMessageChunk | undefined
        for await (const chunk of await model.stream(france.question)) joined = joined === undefined ? chunk : joined.concat(chunk)
        return joined
      }
      const streamed = await join(quiet)
      t.equal(streamed?.content, france.answer)
      t.equal(totalTokens(streamed), totalTokens(whole), 'counted once')

      const thought = await make().invoke(france.question)
      t.match(thought.additional_kwargs['reasoning_content'], /./)
      t.equal((await join(make()))?.additional_kwargs['reasoning_content'], thought.additional_kwargs['reasoning_content'])
    })

    await t.test('tools: forced, streamed, and answered with their result while thinking', async t => {
      const forced = quiet.bindTools(tools, { tool_choice: weather.name })
      const { tool_calls: calls = [] } = await forced.invoke(weather.question)
      t.match(calls, [{ name: weather.name, args: { city: String } }])
      let streamed: AIMessageChunk | undefined
      for await (const chunk of await forced.stream(weather.question)) streamed = streamed === undefined ? chunk : streamed.concat(chunk)
      t.match(streamed?.tool_calls, [{ name: weather.name, args: calls[0]?.args ?? {} }])

      const question = new HumanMessage(weather.question)
      const thinking = make().bindTools(tools, { tool_choice: weather.name })
      const call = await thinking.invoke([question])
      const results = (call.tool_calls ?? []).map(({ id }) => new ToolMessage({ tool_call_id: id ?? '', content: weather.result }))
      t.equal(results.length, 1)
      const answer = await make().bindTools(tools, { tool_choice: 'none' }).invoke([question, call, ...results])
      t.equal(answer.response_metadata['finish_reason'], 'stop')
    })

    await t.test('structured output, by a schema and by a forced tool', async t => {
      const limited = make({ extraBody: { thinking: { type: 'disabled' }, max_tokens: 300 } })
      for (const method of methods) {
        const structured = limited.withStructuredOutput(method === 'jsonMode' ? z.object({}).loose() : place, { method, name: 'place' })
        const output: unknown = await structured.invoke(placeQuestion)
        t.ok(method === 'jsonMode' || place.safeParse(output).success, method)
      }
    })

    await t.test('errors', async t => {
      await t.rejects(make({ apiKey: 'wrong' }).invoke('x'), { status: 401, code: 'invalid_api_key' })
      await t.rejects(make({ model: 'gpt-0' }).invoke('x'), { status: 400, code: 'model_not_found' })
      await t.rejects(make().invoke(tooLongQuestion), { name: 'ContextOverflowError', message: /maximum context length/ })
    })

    await t.test('abort', async t => {
      const leaving = new AbortController()
      const left = new Error('left')
      const read = async (): Promise<void> => {
        for await (const { content } of await make({ extraBody: { ...longAnswer, thinking: { type: 'disabled' } } }).stream(france.question, { signal: leaving.signal })) {
          if (content !== '') leaving.abort(left)
        }
      }
      await t.rejects(read())
    })
  })
}

await t.test('the gateway has noticed who left', async t => {
  const outcomes = await gateway.outcomes()
  t.strictSame(outcomes.filter(outcome => outcome !== 'completed'), clients.map(() => 'cancelled'))
})
