import t from 'tap'
import { requestedThinking, showsReasoning } from '../../../src/dialects/chat/requested-thinking.js'
import type { ThinkingRequest } from '../../../src/policy/effort-word.js'
import { chatRequest } from './request.js'

type Fields = Parameters<typeof requestedThinking>[0]

const table: Array<[name: string, fields: Fields, expected: ThinkingRequest]> = [
  ['nothing said', {}, { isOn: null, effort: null }],
  ['thinking enabled', { thinking: { type: 'enabled' } }, { isOn: true, effort: null }],
  ['thinking disabled', { thinking: { type: 'disabled' } }, { isOn: false, effort: null }],
  ['a budget changes nothing', { thinking: { type: 'enabled', budget_tokens: 10 } }, { isOn: true, effort: null }],
  ['thinking null', { thinking: null, reasoning_effort: null, reasoning: null, chat_template_kwargs: null }, { isOn: null, effort: null }],
  ['an effort means on', { reasoning_effort: 'low' }, { isOn: true, effort: 'low' }],
  ['effort none means off', { reasoning_effort: 'none' }, { isOn: false, effort: null }],
  ['thinking.type wins over effort none', { thinking: { type: 'enabled' }, reasoning_effort: 'none' }, { isOn: true, effort: null }],
  ['thinking.type disabled wins over an effort', { thinking: { type: 'disabled' }, reasoning_effort: 'max' }, { isOn: false, effort: 'max' }],
  ['effort none wins over reasoning.effort', { reasoning_effort: 'none', reasoning: { effort: 'high' } }, { isOn: false, effort: 'high' }],
  ['OpenRouter effort', { reasoning: { effort: 'max' } }, { isOn: true, effort: 'max' }],
  ['OpenRouter effort none', { reasoning: { effort: 'none' } }, { isOn: false, effort: null }],
  ['OpenRouter enabled', { reasoning: { enabled: true } }, { isOn: true, effort: null }],
  ['OpenRouter disabled', { reasoning: { enabled: false, effort: 'high' } }, { isOn: false, effort: 'high' }],
  ['OpenRouter max_tokens', { reasoning: { max_tokens: 2000 } }, { isOn: true, effort: null }],
  ['OpenRouter max_tokens 0', { reasoning: { max_tokens: 0 } }, { isOn: false, effort: null }],
  ['reasoning wins over template arguments', { reasoning: { enabled: true }, chat_template_kwargs: { thinking: false } }, { isOn: true, effort: null }],
  ['vLLM thinking', { chat_template_kwargs: { thinking: true } }, { isOn: true, effort: null }],
  ['SGLang enable_thinking', { chat_template_kwargs: { enable_thinking: false } }, { isOn: false, effort: null }],
  ['template effort', { chat_template_kwargs: { reasoning_effort: 'max' } }, { isOn: true, effort: 'max' }],
  ['enable_thinking beside the messages', { enable_thinking: false }, { isOn: false, effort: null }]
]

for (const [name, fields, expected] of table) {
  await t.test(name, async t => {
    t.strictSame(requestedThinking(fields), expected)
    t.strictSame(chatRequest({ ...fields }).thinking, expected, 'through the whole dialect')
  })
}

await t.test('reasoning can be hidden, whatever the spelling', async t => {
  t.equal(showsReasoning({}), true)
  t.equal(showsReasoning({ include_reasoning: false }), false)
  t.equal(showsReasoning({ reasoning: { exclude: true } }), false)
  t.equal(showsReasoning({ include_reasoning: true, reasoning: { exclude: false } }), true)
})
