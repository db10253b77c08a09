/** As hostile-bodies, for the other dialects: an answer, or an error in the dialect's own envelope; never a 5xx, never silence. */
import t from 'tap'
import { countTokensRequestSchema, messagesRequestSchema } from '../../src/dialects/messages/request-schema.js'
import { parseCountTokensRequest, parseMessagesRequest } from '../../src/dialects/messages/parse-messages-request.js'
import { continueFrom, parseResponsesRequest } from '../../src/dialects/responses/parse-responses-request.js'
import { responsesRequestSchema } from '../../src/dialects/responses/request-schema.js'
import { parseRequestBody, type RequestBody } from '../../src/dialects/request-body.js'
import { GatewayError } from '../../src/errors.js'
import { defaultModelMap } from '../../src/policy/mapped-model.js'
import { oddValues, pathsOf, withValue, type Path } from './odd-bodies.js'
import { startGateway } from './start-gateway.js'

const message = {
  model: 'claude-sonnet',
  max_tokens: 10,
  system: [{ type: 'text', text: 'Be brief.', cache_control: { type: 'ephemeral' } }],
  messages: [
    { role: 'user', content: [{ type: 'text', text: 'Hello' }, { type: 'document', title: 'a', source: { type: 'text', data: 'x' } }, { type: 'document', source: { type: 'content', content: [{ type: 'text', text: 'x' }] } }, { type: 'search_result', source: 's', title: 't', content: [{ type: 'text', text: 'x' }] }] },
    { role: 'assistant', content: [{ type: 'thinking', thinking: 'hm', signature: 's' }, { type: 'text', text: 'a' }, { type: 'tool_use', id: 'a', name: 'f', input: { b: 1 } }] },
    { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'a', is_error: true, content: [{ type: 'text', text: 'r' }] }] },
    { role: 'system', content: 's' }
  ],
  tools: [{ type: 'custom', name: 'f', description: 'd', input_schema: { type: 'object' }, strict: false }],
  tool_choice: { type: 'auto', name: 'f', disable_parallel_tool_use: false },
  thinking: { type: 'enabled', budget_tokens: 5, display: 'omitted' },
  output_config: { effort: 'low', format: { type: 'json_schema', schema: { type: 'object' } } },
  stop_sequences: ['x'],
  stream: true,
  temperature: 1,
  top_p: 1,
  top_k: 5,
  metadata: { user_id: 'u' }
}

const response = {
  model: 'auto',
  instructions: 'Answer in JSON.',
  input: [
    { role: 'user', content: [{ type: 'input_text', text: 'Hello' }, { type: 'input_image', image_url: 'x', detail: 'auto' }] },
    { type: 'reasoning', summary: [], content: [{ type: 'reasoning_text', text: 'hm' }], encrypted_content: 'v4.aGk' },
    { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'a' }, { type: 'refusal', refusal: 'no' }] },
    { type: 'function_call', call_id: 'a', name: 'f', arguments: '{}' },
    { type: 'custom_tool_call', call_id: 'b', name: 'apply_patch', input: 'x' },
    { type: 'function_call_output', call_id: 'a', output: [{ type: 'input_text', text: 'r' }] },
    { type: 'custom_tool_call_output', call_id: 'b', output: 'r' },
    { type: 'web_search_call', id: 'x' }
  ],
  tools: [{ type: 'function', name: 'f', description: 'd', parameters: { type: 'object' }, strict: false }, { type: 'custom', name: 'apply_patch', description: 'd', format: { type: 'grammar', syntax: 'lark', definition: 'x' } }, { type: 'web_search' }],
  tool_choice: { type: 'allowed_tools', mode: 'auto', tools: [{ type: 'function', name: 'f' }] },
  text: { format: { type: 'json_object' }, verbosity: 'low' },
  reasoning: { effort: 'low', summary: 'auto' },
  include: ['reasoning.encrypted_content'],
  store: true,
  stream: true,
  max_output_tokens: 10,
  temperature: 1,
  top_p: 1,
  top_logprobs: 1,
  metadata: { a: 'b' },
  parallel_tool_calls: true,
  user: 'u'
}

const settings = { models: defaultModelMap, thinksUnasked: true }
const { stream: _, ...countable } = message

interface Dialect {
  path: string
  valid: object
  fields: string[]
  parse (body: RequestBody): unknown
  isError (body: Record<string, unknown>): boolean
  isAnswer (text: string): boolean
}

const isAnthropicError = ({ type, error, request_id: id }: Record<string, unknown>): boolean => type === 'error' && Object.keys(error as object).join() === 'type,message' && typeof id === 'string'

const dialects: Dialect[] = [
  {
    path: '/v1/messages',
    valid: message,
    fields: Object.keys(messagesRequestSchema.shape),
    parse: body => parseMessagesRequest(body, settings),
    isError: isAnthropicError,
    isAnswer: text => text.startsWith('{"id":"msg_') || text.includes('event: message_stop')
  },
  {
    path: '/v1/messages/count_tokens',
    valid: countable,
    fields: Object.keys(countTokensRequestSchema.shape),
    parse: body => parseCountTokensRequest(body, settings),
    isError: isAnthropicError,
    isAnswer: text => /^\{"input_tokens":\d+\}$/.test(text)
  },
  {
    path: '/v1/responses',
    valid: response,
    fields: Object.keys(responsesRequestSchema.shape),
    parse: body => continueFrom(parseResponsesRequest(body), []),
    isError: ({ error }) => Object.keys(error as object).join() === 'message,type,param,code',
    isAnswer: text => text.includes('"object":"response"') && /event: response\.(completed|incomplete)|^\{"id"/.test(text)
  }
]

for (const { path, valid, fields, parse, isError, isAnswer } of dialects) {
  const paths: Path[] = [...fields.map(field => [field]), ...pathsOf(valid)]

  await t.test(`${path}: every field, replaced by every kind of value, is taken or refused`, async t => {
    t.ok(paths.length > 60)
    parse(parseRequestBody(JSON.stringify(valid)))
    for (const place of paths) {
      for (const value of oddValues) {
        try {
          parse(parseRequestBody(JSON.stringify(withValue(valid, place, value))))
        } catch (error) {
          if (!(error instanceof GatewayError)) t.fail(`${place.join('.')}: ${String(error)}`)
        }
      }
    }
  })

  await t.test(`${path}: and over the wire`, async t => {
    const { url } = await startGateway(t)
    const post = async (body: string): Promise<Response> => await fetch(url + path, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
    t.equal((await post(JSON.stringify(valid))).status, 200, 'the request itself is fine')
    for (const [index, place] of paths.entries()) {
      const some = oddValues.filter((_, position) => position % 8 === index % 8)
      const answers = await Promise.all(some.map(async value => {
        const reply = await post(JSON.stringify(withValue(valid, place, value)))
        const text = await reply.text()
        // 402: nothing is done for no dollars.
        const isFine = reply.status === 200 ? isAnswer(text) : [400, 402, 404, 422].includes(reply.status) && isError(JSON.parse(text) as Record<string, unknown>)
        return isFine ? null : { place, value, status: reply.status, text: text.slice(-300) }
      }))
      const bad = answers.filter(answer => answer !== null)
      if (bad.length > 0) t.strictSame(bad, [], place.join('.'))
    }
    for (const body of ['[]', 'null', '5', '"x"', '['.repeat(100_000), `{"model":"auto","messages":[],"input":${'['.repeat(5000)}${']'.repeat(5000)}}`]) {
      const reply = await post(body)
      t.ok([400, 404, 422].includes(reply.status), `${body.slice(0, 20)}: ${reply.status}`)
      t.ok(isError(await reply.json() as Record<string, unknown>))
    }
  })
}
