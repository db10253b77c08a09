/** The Responses and Messages dialects are what openapi.yaml says, both ways. */
import t from 'tap'
import { z } from 'zod'
import { countTokensRequestSchema, messagesRequestSchema } from '../../src/dialects/messages/request-schema.js'
import { messagesError } from '../../src/dialects/messages/messages-error.js'
import { responsesRequestSchema } from '../../src/dialects/responses/request-schema.js'
import { errorTable, GatewayError, type ErrorCode } from '../../src/errors.js'
import { says, startGateway } from '../http/start-gateway.js'
import { inlined, openApi } from './openapi-document.js'
import { checkDocumented } from './schema-fields.js'

for (const [name, schema, count] of [
  ['MessagesRequest', messagesRequestSchema, 45],
  ['CountTokensRequest', countTokensRequestSchema, 35],
  ['ResponsesRequest', responsesRequestSchema, 45]
] as const) {
  await checkDocumented(t, name, schema, { moreThan: count })
}

const codes = (Object.keys(errorTable) as ErrorCode[]).filter(code => errorTable[code].status !== 499)

await t.test('every status and type of error is documented', async t => {
  const documented = (path: string) => Object.keys(openApi.paths[path]?.['post']?.responses ?? {}).map(Number)
  const sorted = (numbers: number[]) => [...new Set([200, ...numbers])].sort((first, second) => first - second)
  t.strictSame(documented('/v1/responses'), sorted(codes.map(code => errorTable[code].status)))
  const errors = codes.map(code => messagesError(new GatewayError(code, 'x'), 'r'))
  t.strictSame(documented('/v1/messages'), sorted(errors.map(({ status }) => status)))
  t.strictSame([...openApi.components.schemas['AnthropicErrorBody']?.properties?.['type']?.enum ?? []].sort(), [...new Set(errors.map(({ envelope }) => envelope.error.type))].sort())
})

await t.test('answers, events and errors are what the document says', async t => {
  const call = (name: string) => `<｜DSML｜invoke name="${name}">\n<｜DSML｜parameter name="input" string="true">b</｜DSML｜parameter>\n</｜DSML｜invoke>\n`
  const { url } = await startGateway(t, { answer: says(`thoughts</think>Text<｜DSML｜tool_calls>\n${call('f')}${call('apply_patch')}</｜DSML｜tool_calls>`) })
  const broken = await startGateway(t, { simulator: { faults: [{ kind: 'cut', afterTokens: 1 }] }, dispatcher: { retries: { maxAttempts: 1 } } })
  const post = async (path: string, body: object, base = url): Promise<Response> => await fetch(base + path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
  const validators = new Map<string, z.ZodType>()
  const conforms = (name: string, value: unknown) => {
    const validator = validators.get(name) ?? z.fromJSONSchema(inlined({ $ref: `#/components/schemas/${name}` }))
    validators.set(name, validator)
    const result = validator.safeParse(value)
    t.ok(result.success, `${name}: ${result.success ? '' : z.prettifyError(result.error)}`)
  }
  const eventsOf = async (response: Response): Promise<unknown[]> => (await response.text()).trim().split('\n\n').map(text => JSON.parse(text.slice(text.indexOf('data: ') + 'data: '.length)) as unknown)

  const message = { model: 'claude-opus', max_tokens: 500, messages: [{ role: 'user', content: 'x' }], tools: [{ name: 'f' }, { name: 'apply_patch' }] }
  conforms('AnthropicMessage', await (await post('/v1/messages', message)).json())
  for (const base of [url, broken.url]) for (const event of await eventsOf(await post('/v1/messages', { ...message, stream: true }, base))) conforms('AnthropicEvent', event)
  conforms('AnthropicErrorEnvelope', await (await post('/v1/messages', {})).json())
  conforms('TokenCount', await (await post('/v1/messages/count_tokens', message)).json())
  conforms('AnthropicModel', await (await fetch(`${url}/anthropic/v1/models/claude-opus`)).json())

  const response = { model: 'auto', input: 'x', tools: [{ type: 'function', name: 'f' }, { type: 'custom', name: 'apply_patch' }], include: ['reasoning.encrypted_content'], top_logprobs: 1 }
  for (const fields of [{}, { max_output_tokens: 5 }]) {
    conforms('Response', await (await post('/v1/responses', { ...response, ...fields })).json())
    for (const event of await eventsOf(await post('/v1/responses', { ...response, ...fields, stream: true }))) conforms('ResponseEvent', event)
  }
  const failed = await eventsOf(await post('/v1/responses', { ...response, stream: true }, broken.url))
  t.match(failed.slice(-2), [{ type: 'response.failed' }, { type: 'error' }])
  for (const event of failed) conforms('ResponseEvent', event)
})
