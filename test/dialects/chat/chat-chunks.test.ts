import t from 'tap'
import type { AnswerIdentity, LabelledToken } from '../../../src/dialects/answer.js'
import { GatewayError } from '../../../src/errors.js'
import { ChatStream, type ChatStreamOptions } from '../../../src/dialects/chat/chat-chunks.js'

const identity: AnswerIdentity = { id: 'id-1', created: 1, model: 'deepseek-v4-flash', systemFingerprint: 'fp_x', isThinking: true }
const token: LabelledToken = { token: 'a', logprob: -1, bytes: [97], top_logprobs: [] }

function streamWith (options: Partial<ChatStreamOptions> = {}): ChatStream {
  return new ChatStream({ identity, usageLayout: 'deepseek', includesUsage: false, showsReasoning: true, ...options })
}

await t.test('pieces that say nothing to a client make no chunk', async t => {
  t.strictSame(streamWith().progress({ type: 'progress', logprobs: null, pieces: [{ type: 'tool-call-end', index: 0, isComplete: true, rawText: 'x' }] }), [])
  t.strictSame(streamWith({ showsReasoning: false }).progress({ type: 'progress', logprobs: null, pieces: [{ type: 'reasoning', text: 'x' }] }), [])
})

await t.test('log-probabilities go with the chunk of their own channel', async t => {
  const chunks = streamWith().progress({ type: 'progress', logprobs: { content: [token], reasoning: [token, token] }, pieces: [{ type: 'reasoning', text: 'r' }, { type: 'content', text: 'c' }] })
  t.strictSame(chunks.map(chunk => chunk.choices[0]?.logprobs), [
    { content: null, reasoning_content: [token, token], refusal: null },
    { content: [token], reasoning_content: null, refusal: null }
  ])
})

await t.test('tokens without text of their own still come', async t => {
  const [chunk] = streamWith().progress({ type: 'progress', logprobs: { content: [token], reasoning: [] }, pieces: [] })
  t.match(chunk?.choices[0], { delta: {}, logprobs: { content: [token] } })
})

await t.test('hidden reasoning hides its log-probabilities', async t => {
  const chunks = streamWith({ showsReasoning: false }).progress({ type: 'progress', logprobs: { content: [], reasoning: [token] }, pieces: [{ type: 'content', text: 'c' }] })
  t.equal(chunks[0]?.choices[0]?.logprobs, null)
})

await t.test('a failure is a chunk and an error at once', async t => {
  const error = { error: { message: 'm (request_id: r)', type: 'server_error', param: null, code: 'worker_failed' } }
  t.match(streamWith().failed(new GatewayError('worker_failed', 'm'), 'r'), [{ ...error, object: 'chat.completion.chunk', choices: [{ finish_reason: 'error', delta: { content: '' } }] }])
})
