/** Vercel's AI SDK with its openai-compatible and deepseek providers, against our own engine. */
import { createDeepSeek } from '@ai-sdk/deepseek'
import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { APICallError, generateText, jsonSchema, Output, stepCountIs, streamText, tool, type LanguageModel } from 'ai'
import t from 'tap'
import { z } from 'zod'
import { flash, france, longAnswer, placeQuestion, sizes, startMiniGateway, tooLongQuestion, weather } from './mini-gateway.js'

const gateway = await startMiniGateway(t)

const place = z.object({ city: z.string(), size: z.enum(sizes) })
const once = { maxRetries: 0 }

interface Provider {
  name: string
  model: (settings?: { path?: string, apiKey?: string, model?: string, extraBody?: object }) => LanguageModel
  /** Whether it can hand a schema to the gateway; otherwise it asks for JSON in words. */
  sendsSchema: boolean
}

/** The providers' own way to a field that they have no name for. */
const withExtra = (extra: object): typeof fetch => async (url, options) => await fetch(url, { ...options, body: JSON.stringify({ ...JSON.parse(String(options?.body)) as object, ...extra }) })

const providers: Provider[] = [
  {
    name: '@ai-sdk/openai-compatible',
    model: ({ path = '/v1', apiKey = gateway.apiKey, model = flash, extraBody = {} } = {}) => createOpenAICompatible({ name: 'gearbox', baseURL: gateway.url + path, apiKey, includeUsage: true, supportsStructuredOutputs: true, fetch: withExtra(extraBody) })(model),
    sendsSchema: true
  },
  {
    name: '@ai-sdk/deepseek',
    model: ({ path = '', apiKey = gateway.apiKey, model = flash, extraBody = {} } = {}) => createDeepSeek({ baseURL: gateway.url + path, apiKey, fetch: withExtra(extraBody) })(model),
    sendsSchema: false
  }
]

const disabled = { thinking: { type: 'disabled' } }

for (const { name, model, sendsSchema } of providers) {
  /** Each provider reads the options under its own name. */
  const quiet = { ...once, temperature: 0, model: model(), providerOptions: { gearbox: disabled, deepseek: disabled } }

  await t.test(name, async t => {
    await t.test('plain and streamed, without thinking and with', async t => {
      const whole = await generateText({ ...quiet, prompt: france.question })
      t.match(whole, { text: france.answer, finishReason: 'stop', reasoningText: undefined, response: { modelId: flash } })
      const stream = streamText({ ...quiet, prompt: france.question })
      t.equal(await stream.text, france.answer)
      t.match(await stream.usage, { inputTokens: whole.usage.inputTokens, outputTokens: whole.usage.outputTokens })

      const thought = await generateText({ ...once, model: model(), prompt: france.question })
      t.match(thought, { reasoningText: /./, text: /./ })
      t.ok((thought.usage.outputTokenDetails.reasoningTokens ?? 0) > 0)
      const thinking = streamText({ ...once, model: model(), prompt: france.question })
      t.match(await thinking.reasoningText, /./)
      t.match(await thinking.text, /./)
    })

    await t.test('tools: forced, streamed, and in a loop of two steps with thinking', async t => {
      const asked: string[] = []
      const tools = {
        [weather.name]: tool({
          description: weather.description,
          inputSchema: z.object({ city: z.string() }),
          execute: async ({ city }) => {
            asked.push(city)
            return JSON.parse(weather.result) as unknown
          }
        })
      }
      const forced = { ...quiet, tools, toolChoice: { type: 'tool' as const, toolName: weather.name }, prompt: weather.question }
      const { toolCalls: [call], finishReason } = await generateText(forced)
      t.equal(finishReason, 'tool-calls')
      t.match(call, { toolName: weather.name, input: { city: String } })
      t.match(await streamText(forced).toolCalls, [{ toolName: weather.name, input: call?.input as object }])

      asked.length = 0
      // The minis have not learned to read past zod's `$schema` line.
      const plain = { [weather.name]: { ...tools[weather.name], inputSchema: jsonSchema<{ city: string }>(weather.parameters) } }
      const { steps, text } = await generateText({ ...once, temperature: 0, model: model(), tools: plain, prompt: weather.question, stopWhen: stepCountIs(2) })
      t.strictSame(asked, ['Paris'])
      t.equal(steps.length, 2)
      t.match(text, /sunny/)
    })

    await t.test('structured output', async t => {
      const request = { ...quiet, maxOutputTokens: 300, prompt: placeQuestion, output: sendsSchema ? Output.object({ schema: place }) : Output.json() }
      const { output } = await generateText(request)
      t.ok(sendsSchema ? place.safeParse(output).success : typeof output === 'object')
      const streamed: unknown = await streamText(request).output
      t.strictSame(streamed, output)
    })

    await t.test('errors', async t => {
      const refusal = async (promise: PromiseLike<unknown>) => await promise.then(() => null, (error: unknown) => error)
      const errors: Array<[refused: unknown, statusCode: number, code: string]> = [
        [await refusal(generateText({ ...once, model: model({ apiKey: 'wrong' }), prompt: 'x' })), 401, 'invalid_api_key'],
        [await refusal(generateText({ ...once, model: model({ model: 'gpt-0' }), prompt: 'x' })), 400, 'model_not_found'],
        [await refusal(generateText({ ...once, model: model(), prompt: tooLongQuestion })), 400, 'context_length_exceeded'],
        [await refusal(generateText({ ...once, model: model({ path: '/nowhere' }), prompt: 'x' })), 404, 'unknown_path']
      ]
      for (const [refused, statusCode, code] of errors) {
        t.ok(APICallError.isInstance(refused), code)
        t.match(refused, { statusCode, isRetryable: false, data: { error: { code, message: /request_id/ } } })
      }
    })

    await t.test('abort', async t => {
      const leaving = new AbortController()
      const { textStream } = streamText({ ...quiet, model: model({ extraBody: longAnswer }), prompt: france.question, abortSignal: leaving.signal })
      let text = ''
      for await (const piece of textStream) {
        text += piece
        if (text.length > 10) leaving.abort()
      }
      t.ok(france.answer.startsWith(text.slice(0, 10)))
    })
  })
}

await t.test('the gateway has noticed who left', async t => {
  const outcomes = await gateway.outcomes()
  t.strictSame(outcomes.filter(outcome => outcome !== 'completed'), providers.map(() => 'cancelled'))
})
