import t from 'tap'
import type { AnswerIdentity, AnswerPart } from '../../../src/dialects/answer.js'
import { ChatCompletionBuilder } from '../../../src/dialects/chat/chat-completion.js'

const identity: AnswerIdentity = { id: 'id-1', created: 1, model: 'deepseek-v4-flash', systemFingerprint: 'fp_x', isThinking: true }
const parts: AnswerPart[] = [
  { type: 'accepted', workerId: 'w', checkpoint: 'c', cachedTokens: 3, queueMs: 0 },
  { type: 'progress', logprobs: null, pieces: [{ type: 'reasoning', text: 'hm' }, { type: 'content', text: 'a' }] },
  { type: 'progress', logprobs: null, pieces: [{ type: 'content', text: 'b' }, { type: 'tool-call-start', index: 0, id: 'call_00_x', name: 'f' }, { type: 'tool-call-arguments', index: 0, text: '{' }, { type: 'tool-call-arguments', index: 0, text: '}' }] },
  { type: 'finished', finish: 'tool_calls', stopString: null, usage: { promptTokens: 10, cachedTokens: 3, completionTokens: 5, reasoningTokens: 2 } }
]

await t.test('parts add up to one answer', async t => {
  const builder = new ChatCompletionBuilder({ identity, showsReasoning: true })
  const discreet = new ChatCompletionBuilder({ identity, showsReasoning: false })
  for (const part of parts) {
    t.equal(builder.build(), null, 'and to none before the last')
    builder.add(part)
    discreet.add(part)
  }
  t.match(builder.build(), {
    choices: [{ finish_reason: 'tool_calls', logprobs: null, message: { content: 'ab', reasoning_content: 'hm', tool_calls: [{ id: 'call_00_x', type: 'function', function: { name: 'f', arguments: '{}' } }] } }],
    usage: { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15, prompt_tokens_details: { cached_tokens: 3 }, completion_tokens_details: { reasoning_tokens: 2 }, prompt_cache_hit_tokens: 3, prompt_cache_miss_tokens: 7 }
  })
  t.notOk('reasoning_content' in (discreet.build()?.choices[0]?.message ?? {}))
})
