import t from 'tap'
import { chooseEffort, effortOf, type EffortChoice, type EffortInputs } from '../../src/policy/choose-effort.js'
import { effortWords } from '../../src/policy/effort-word.js'

const silent: EffortInputs = { body: { isOn: null, effort: null }, headerWord: null, modelIsThinking: null, isToolForced: false, ladder: '0731', xhighEffort: 'high', cap: null }

const table: Array<[name: string, inputs: Partial<EffortInputs>, expected: EffortChoice]> = [
  ['nobody says anything: thinking is on, high', {}, { effort: 'high', reason: 'default' }],
  ['the body switches thinking off', { body: { isOn: false, effort: null } }, { effort: 'none', reason: 'asked-by-body' }],
  ['off wins over an effort beside it', { body: { isOn: false, effort: 'max' } }, { effort: 'none', reason: 'asked-by-body' }],
  ['the body names an effort', { body: { isOn: true, effort: 'low' } }, { effort: 'low', reason: 'asked-by-body' }],
  ['the body wins over the header', { body: { isOn: null, effort: 'low' }, headerWord: 'max' }, { effort: 'low', reason: 'asked-by-body' }],
  ['the header says what the body leaves open', { headerWord: 'max' }, { effort: 'max', reason: 'asked-by-header' }],
  ['the header gives the strength of thinking that the body switched on', { body: { isOn: true, effort: null }, headerWord: 'low' }, { effort: 'low', reason: 'asked-by-header' }],
  ['the header cannot switch off what the body switched on', { body: { isOn: true, effort: null }, headerWord: 'none' }, { effort: 'high', reason: 'asked-by-body' }],
  ['the header wins over the name of the model', { headerWord: 'none', modelIsThinking: true }, { effort: 'none', reason: 'asked-by-header' }],
  ['deepseek-chat does not think', { modelIsThinking: false }, { effort: 'none', reason: 'model-name' }],
  ['deepseek-chat thinks when the body says so', { modelIsThinking: false, body: { isOn: true, effort: null } }, { effort: 'high', reason: 'asked-by-body' }],
  ['deepseek-reasoner thinks', { modelIsThinking: true }, { effort: 'high', reason: 'model-name' }],
  ['a forced call is answered without thinking', { isToolForced: true }, { effort: 'none', reason: 'tool-choice' }],
  ['a forced call changes nothing where thinking is off', { isToolForced: true, body: { isOn: false, effort: null } }, { effort: 'none', reason: 'asked-by-body' }],
  ['xhigh follows the setting', { body: { isOn: true, effort: 'xhigh' }, xhighEffort: 'max' }, { effort: 'max', reason: 'asked-by-body' }],
  ['a key has a cap', { body: { isOn: true, effort: 'max' }, cap: 'high' }, { effort: 'high', reason: 'capped-by-key' }],
  ['the cap holds for the default too', { cap: 'low' }, { effort: 'low', reason: 'capped-by-key' }],
  ['a cap that is not reached changes nothing', { body: { isOn: true, effort: 'low' }, cap: 'high' }, { effort: 'low', reason: 'asked-by-body' }],
  ['a cap of none switches thinking off', { modelIsThinking: true, cap: 'none' }, { effort: 'none', reason: 'capped-by-key' }],
  ['a cap of low is none on the preview ladder', { cap: 'low', ladder: 'preview' }, { effort: 'none', reason: 'capped-by-key' }],
  ['the preview ladder has no low', { body: { isOn: true, effort: 'low' }, ladder: 'preview' }, { effort: 'high', reason: 'asked-by-body' }]
]

for (const [name, inputs, expected] of table) {
  await t.test(name, async t => {
    t.strictSame(chooseEffort({ ...silent, ...inputs }), expected)
  })
}

await t.test('every word has its effort on each ladder', async t => {
  const mapped = (ladder: 'preview' | '0731') => Object.fromEntries(effortWords.map(word => [word, effortOf(word, ladder, 'high')]))
  t.strictSame(mapped('0731'), { none: 'none', minimal: 'low', low: 'low', medium: 'high', high: 'high', xhigh: 'high', ultra: 'max', max: 'max' })
  t.strictSame(mapped('preview'), { none: 'none', minimal: 'high', low: 'high', medium: 'high', high: 'high', xhigh: 'max', ultra: 'max', max: 'max' })
})
