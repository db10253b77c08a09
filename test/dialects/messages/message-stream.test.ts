import t from 'tap'
import type { AnswerIdentity, AnswerPart } from '../../../src/dialects/answer.js'
import { MessageBuilder } from '../../../src/dialects/messages/message-builder.js'
import { MessageStream } from '../../../src/dialects/messages/message-stream.js'

const identity: AnswerIdentity = { id: '0-1', created: 1, model: 'deepseek-v4-pro', systemFingerprint: 'fp_x', isThinking: true }
const finished: AnswerPart = { type: 'finished', finish: 'stop', stopString: null, usage: { promptTokens: 100, cachedTokens: 64, completionTokens: 7, reasoningTokens: 3 } }

await t.test('what was read from the cache is not input, on either way out', async t => {
  const stream = new MessageStream({ identity, promptTokens: 100, showsReasoning: true })
  const [start] = stream.first({ type: 'accepted', workerId: 'w', checkpoint: 'c', cachedTokens: 64, queueMs: 0 })
  t.match(start, { message: { usage: { input_tokens: 36, cache_read_input_tokens: 64, cache_creation_input_tokens: 0, output_tokens: 0 } } })
  t.match(stream.finished(finished), [{ type: 'message_delta', usage: { input_tokens: 36, cache_read_input_tokens: 64, output_tokens: 7 } }, { type: 'message_stop' }])
  const builder = new MessageBuilder({ identity, showsReasoning: true })
  t.equal(builder.build(), null)
  builder.add(finished)
  t.match(JSON.parse(builder.build() ?? ''), { id: 'msg_01', content: [], usage: { input_tokens: 36, cache_read_input_tokens: 64, output_tokens: 7 } })
})

await t.test('talk after a call is a block of its own', async t => {
  const stream = new MessageStream({ identity, promptTokens: 1, showsReasoning: true })
  const events = stream.progress({
    type: 'progress',
    logprobs: null,
    pieces: [
      { type: 'tool-call-start', index: 0, id: 'a', name: 'f' },
      { type: 'tool-call-arguments', index: 0, text: '{}' },
      { type: 'tool-call-end', index: 0, isComplete: true, rawText: '' },
      { type: 'content', text: 'so' }
    ]
  })
  t.strictSame(events.map(event => [event.type, event['index']]), [
    ['content_block_start', 0], ['ping', undefined], ['content_block_delta', 0], ['content_block_stop', 0],
    ['content_block_start', 1], ['content_block_delta', 1]
  ])
})
