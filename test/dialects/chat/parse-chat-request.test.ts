import t from 'tap'
import type { GatewayError } from '../../../src/errors.js'
import { toPythonJson } from '../../../src/language/json/python-json.js'
import { parseChatRequest } from '../../../src/dialects/chat/parse-chat-request.js'
import { parseRequestBody } from '../../../src/dialects/request-body.js'
import { chatRequest, oneMessage, weatherTool } from './request.js'

function messagesOf (messages: unknown[], fields: Record<string, unknown> = {}) {
  return chatRequest({ messages, ...fields }).conversation.messages
}

await t.test('every role becomes a message', async t => {
  t.strictSame(messagesOf([
    { role: 'developer', content: 'rules' },
    { role: 'system', content: [{ type: 'text', text: 'a' }, { type: 'text', text: 'b' }] },
    { role: 'latest_reminder', content: '2026-02-21' },
    { role: 'user', content: [{ type: 'text', text: 'one' }, { type: 'input_text', text: 'two' }], name: 'ann' },
    { role: 'assistant', content: null, reasoning_content: 'hm', tool_calls: [{ id: 'c1', type: 'function', function: { name: 'f', arguments: '{"a":1.50}' } }] },
    { role: 'tool', tool_call_id: 'c1', content: [{ type: 'text', text: 'r' }, { type: 'image_url', image_url: { url: 'x' } }] }
  ]), [
    { role: 'system', content: 'rules' },
    { role: 'system', content: 'a\n\nb' },
    { role: 'latest_reminder', content: '2026-02-21' },
    { role: 'user', content: 'one\n\ntwo' },
    { role: 'assistant', content: '', reasoning: 'hm', toolCalls: [{ id: 'c1', name: 'f', argumentsText: '{"a":1.50}' }], isPrefix: false },
    { role: 'tool', toolCallId: 'c1', content: 'r\n\n[Unsupported image_url]' }
  ])
})

await t.test('reasoning is accepted under every name', async t => {
  const reasoningOf = (fields: object) => {
    const message = messagesOf([...oneMessage.messages, { role: 'assistant', content: 'a', ...fields }, ...oneMessage.messages])[1]
    return message?.role === 'assistant' ? message.reasoning : undefined
  }
  t.equal(reasoningOf({ reasoning_content: 'a', reasoning: 'b' }), 'a')
  t.equal(reasoningOf({ reasoning: 'b' }), 'b')
  t.equal(reasoningOf({ reasoning_details: [{ type: 'reasoning.text', text: 'c' }, { type: 'reasoning.encrypted', data: '…' }, { type: 'reasoning.text', text: 'd' }] }), 'cd')
  t.equal(reasoningOf({ reasoning_content: '' }), '')
  t.equal(reasoningOf({ reasoning_content: null }), null)
  t.equal(reasoningOf({}), null)
})

await t.test('the last assistant message can be continued', async t => {
  const prefix = { role: 'assistant', content: '```python\n', prefix: true }
  t.match(messagesOf([...oneMessage.messages, prefix]).at(-1), { isPrefix: true, content: '```python\n' })
  t.match(messagesOf([...oneMessage.messages, { role: 'assistant', content: 'x' }], { continue_final_message: true }).at(-1), { isPrefix: true })
  t.match(messagesOf([...oneMessage.messages, { role: 'assistant', content: 'x' }]).at(-1), { isPrefix: false })
})

await t.test('tools keep what the model will read as it was written', async t => {
  const text = '{"model":"auto","messages":[{"role":"user","content":"x"}],"tools":[{"type":"function","function":{"name":"f","parameters":{"10":1e2,"2":12345678901234567890}}}]}'
  const [tool] = parseChatRequest(parseRequestBody(text)).conversation.tools
  t.equal(toPythonJson(tool?.parameters ?? null), '{"10": 100.0, "2": 12345678901234567890}')
  t.equal(tool?.description, null)
})

await t.test('tool_choice', async t => {
  const tools = [weatherTool(), weatherTool('other')]
  const choiceOf = (fields: Record<string, unknown>) => chatRequest(fields).conversation.toolChoice
  t.strictSame(choiceOf({}), { kind: 'none' })
  t.strictSame(choiceOf({ tools: [] }), { kind: 'none' })
  t.strictSame(choiceOf({ tools }), { kind: 'auto' })
  t.strictSame(choiceOf({ tools, tool_choice: 'none' }), { kind: 'none' })
  t.strictSame(choiceOf({ tools, tool_choice: 'required' }), { kind: 'required' })
  t.strictSame(choiceOf({ tools, tool_choice: { type: 'function', function: { name: 'other' } } }), { kind: 'named', name: 'other' })
  t.equal(chatRequest({ tools, parallel_tool_calls: false }).conversation.allowsParallelToolCalls, false)
  t.equal(chatRequest({ tools, parallel_tool_calls: null }).conversation.allowsParallelToolCalls, true)
})

await t.test('the form of the answer', async t => {
  t.strictSame(chatRequest({ response_format: { type: 'text' } }).answerForm, { kind: 'text' })
  const json = chatRequest({ messages: [{ role: 'user', content: 'as JSON please' }], response_format: { type: 'json_object' } })
  t.strictSame(json.answerForm, { kind: 'json' })
  t.equal(toPythonJson(json.conversation.responseFormat), '{"type": "json_object"}')
  const schema = chatRequest({ response_format: { type: 'json_schema', json_schema: { name: 'n', schema: { type: 'object' } } } })
  t.equal(schema.answerForm.kind, 'schema')
  t.equal(toPythonJson(schema.conversation.responseFormat), '{"type": "object"}')
})

await t.test('sampling and limits', async t => {
  t.match(chatRequest({ max_tokens: 8, max_completion_tokens: 4, temperature: 0, top_p: 0.5, seed: 7, top_k: 40 }).sampling, { maxTokens: 4, temperature: 0, topP: 0.5, seed: 7, topK: 40, logprobs: null })
  t.match(chatRequest({ top_k: -1, presence_penalty: 9, frequency_penalty: -9 }).sampling, { topK: null, presencePenalty: 2, frequencyPenalty: -2 })
  t.equal(chatRequest({ logprobs: true }).sampling.logprobs, 0)
  t.equal(chatRequest({ logprobs: true, top_logprobs: 20 }).sampling.logprobs, 20)
  t.strictSame(chatRequest({ stop: 'END' }).stopStrings, ['END'])
  t.strictSame(chatRequest({ stop: ['a', 'b'] }).stopStrings, ['a', 'b'])
  t.strictSame(chatRequest({ stop: null }).stopStrings, [])
})

await t.test('streams, users and what nobody knows', async t => {
  t.match(chatRequest({ stream: true, stream_options: { include_usage: true } }), { isStream: true, includesUsage: true })
  t.match(chatRequest({ stream: true, stream_options: null }), { isStream: true, includesUsage: false })
  t.equal(chatRequest({ user: 'u', user_id: 'id' }).cacheUser, 'id')
  t.equal(chatRequest({ user: 'u' }).cacheUser, 'u')
  t.equal(chatRequest({ store: false, metadata: { a: 'b' }, service_tier: 'auto', verbosity: 'low', whatever: [1] }).model, 'auto')
})

const refusals: Array<[name: string, fields: Record<string, unknown>, code: string, message: RegExp, parameter: string | null]> = [
  ['no messages', { messages: undefined }, 'missing_required_parameter', /missing field `messages`/, 'messages'],
  ['no message', { messages: [] }, 'invalid_value', /at least one message/, 'messages'],
  ['no model', { model: undefined }, 'missing_required_parameter', /missing field `model`/, 'model'],
  ['model of a wrong type', { model: 4 }, 'invalid_type', /model: invalid type: number, expected string/, 'model'],
  ['unknown role', { messages: [{ role: 'bird', content: '' }] }, 'invalid_type', /messages\[0\]\.role: unknown variant `bird`, expected one of `system`, `user`/, 'messages[0].role'],
  ['user without content', { messages: [{ role: 'user' }] }, 'missing_required_parameter', /missing field `messages\[0\]\.content`/, 'messages[0].content'],
  ['content of a wrong type', { messages: [{ role: 'user', content: 4 }] }, 'invalid_type', /messages\[0\]\.content: invalid type: number/, 'messages[0].content'],
  ['a part that is no part', { messages: [{ role: 'user', content: [4] }] }, 'invalid_type', /messages\[0\]\.content\[0\]: invalid type: number, expected object/, 'messages[0].content[0]'],
  ['a text part without text', { messages: [{ role: 'user', content: [{ type: 'text' }] }] }, 'missing_required_parameter', /must have its text/, 'messages[0].content[0].text'],
  ['an image', { messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'x' } }] }] }, 'unsupported_parameter', /reads text only: content of type 'image_url'/, 'messages[0].content[0]'],
  ['a prefix in the middle', { messages: [{ role: 'assistant', content: 'x', prefix: true }, { role: 'user', content: 'y' }] }, 'invalid_value', /Only the last message may have `prefix`/, 'messages[0].prefix'],
  ['continue without an assistant', { continue_final_message: true }, 'invalid_value', /continue_final_message/, 'continue_final_message'],
  ['unanswered calls', { messages: [{ role: 'user', content: 'x' }, { role: 'assistant', tool_calls: [{ id: 'a', type: 'function', function: { name: 'f', arguments: '{}' } }] }, { role: 'user', content: 'y' }] }, 'invalid_value', /insufficient tool messages following tool_calls message/, 'messages[1].tool_calls'],
  ['unanswered calls at the end', { messages: [{ role: 'assistant', tool_calls: [{ id: 'a', function: { name: 'f' } }, { id: 'b', function: { name: 'f' } }] }, { role: 'tool', tool_call_id: 'a', content: '' }] }, 'invalid_value', /insufficient tool messages/, 'messages[0].tool_calls'],
  ['a result without an id', { messages: [{ role: 'tool', content: 'x' }] }, 'missing_required_parameter', /tool_call_id/, 'messages[0].tool_call_id'],
  ['bad effort', { reasoning_effort: 'hard' }, 'invalid_type', /reasoning_effort: unknown variant `hard`, expected one of `none`, `minimal`, `low`/, 'reasoning_effort'],
  ['bad thinking type', { thinking: { type: 'adaptive' } }, 'invalid_type', /thinking\.type: unknown variant `adaptive`/, 'thinking.type'],
  ['max_tokens 0', { max_tokens: 0 }, 'invalid_value', /^Invalid max_tokens value, the valid range of max_tokens is \[1, 393216\]$/, 'max_tokens'],
  ['max_tokens too large', { max_tokens: 393217 }, 'invalid_value', /^Invalid max_tokens value/, 'max_tokens'],
  ['max_tokens fractional', { max_tokens: 1.5 }, 'invalid_type', /max_tokens/, 'max_tokens'],
  ['temperature', { temperature: 2.1 }, 'invalid_value', /temperature: must be between 0 and 2/, 'temperature'],
  ['top_p 0', { top_p: 0 }, 'invalid_value', /top_p/, 'top_p'],
  ['top_logprobs alone', { top_logprobs: 2 }, 'invalid_value', /needs logprobs/, 'top_logprobs'],
  ['top_logprobs 21', { logprobs: true, top_logprobs: 21 }, 'invalid_value', /between 0 and 20/, 'top_logprobs'],
  ['17 stop strings', { stop: Array.from({ length: 17 }, (_, index) => `s${index}`) }, 'invalid_value', /at most 16/, 'stop'],
  ['nine choices', { n: 9 }, 'invalid_value', /between 1 and 8/, 'n'],
  ['stream_options without stream', { stream_options: { include_usage: true } }, 'invalid_value', /only when stream is true/, 'stream_options'],
  ['129 tools', { tools: Array.from({ length: 129 }, (_, index) => weatherTool(`t${index}`)) }, 'invalid_value', /at most 128 tools/, 'tools'],
  ['two tools of one name', { tools: [weatherTool(), weatherTool()] }, 'invalid_value', /unique: 'get_weather' appears twice/, 'tools[1].function.name'],
  ['a tool name with a space', { tools: [weatherTool('a b')] }, 'invalid_value', /function name/, 'tools[0].function.name'],
  ['a tool of another type', { tools: [{ type: 'web_search' }] }, 'invalid_type', /tools\[0\]\.type: unknown variant `web_search`/, 'tools[0].type'],
  ['a choice that is not offered', { tools: [weatherTool()], tool_choice: { type: 'function', function: { name: 'x' } } }, 'invalid_value', /not in tools/, 'tool_choice'],
  ['required without tools', { tool_choice: 'required' }, 'invalid_value', /needs tools/, 'tool_choice'],
  ['an unknown choice', { tool_choice: 'maybe' }, 'invalid_type', /tool_choice/, 'tool_choice'],
  ['JSON mode without the word', { response_format: { type: 'json_object' } }, 'invalid_value', /^Prompt must contain the word 'json' in some form/, 'messages'],
  ['an unknown answer format', { response_format: { type: 'xml' } }, 'invalid_type', /response_format\.type: unknown variant `xml`/, 'response_format.type'],
  ['a schema format without schema', { response_format: { type: 'json_schema', json_schema: { name: 'x' } } }, 'missing_required_parameter', /json_schema\.schema is required/, 'response_format.json_schema.schema']
]

for (const [name, fields, code, message, parameter] of refusals) {
  await t.test(`refused: ${name}`, async t => {
    const error = t.throws(() => chatRequest(fields)) as unknown as GatewayError
    t.match(error, { name: 'GatewayError', code, message })
    t.equal(error.parameter, parameter)
  })
}

await t.test('a body that is no object, or no JSON', async t => {
  for (const text of ['null', '[]', '4', '"x"']) t.throws(() => parseChatRequest(parseRequestBody(text)), { code: 'invalid_type' }, text)
  for (const text of ['', '{', '{"a":1,}', "{'a':1}", '{"a":NaN}', '{"a":01}', '{}{}']) t.throws(() => parseRequestBody(text), { code: 'invalid_json' }, text)
})
