import t from 'tap'
import { publicModelNames, resolveModel, type ModelChoice } from '../../src/policy/model-name.js'

const checkpointNames = { pro: 'Pro-Mini', flash: 'flash-mini' }

const table: Array<[name: string, expected: ModelChoice | null]> = [
  ['deepseek-v4-pro', { tier: 'pro', isThinking: null }],
  ['deepseek-v4-flash', { tier: 'flash', isThinking: null }],
  ['deepseek-flash', { tier: 'flash', isThinking: null }],
  ['deepseek-v4-flash-vision-exp', { tier: 'flash', isThinking: null }],
  ['deepseek-chat', { tier: 'flash', isThinking: false }],
  ['deepseek-reasoner', { tier: 'flash', isThinking: true }],
  ['auto', { tier: null, isThinking: null }],
  ['deepseek/deepseek-v4-pro', { tier: 'pro', isThinking: null }],
  ['deepseek-ai/DeepSeek-V4-Pro', { tier: 'pro', isThinking: null }],
  ['openrouter/deepseek/deepseek-chat', { tier: 'flash', isThinking: false }],
  ['pro-mini', { tier: 'pro', isThinking: null }],
  ['models/flash-mini', { tier: 'flash', isThinking: null }],
  ['gpt-5', null],
  ['', null],
  ['deepseek-v4-pro-', null],
  ['constructor', null]
]

for (const [name, expected] of table) {
  await t.test(`the model '${name}' ${expected === null ? 'is unknown' : `means ${expected.tier ?? 'whatever the policy says'}`}`, async t => {
    t.strictSame(resolveModel(name, checkpointNames), expected)
  })
}

await t.test('every name that is shown is understood', async t => {
  for (const name of publicModelNames) t.not(resolveModel(name, checkpointNames), null, name)
})
