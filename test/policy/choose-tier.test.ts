import t from 'tap'
import { chooseTier, type TierChoice, type TierInputs } from '../../src/policy/choose-tier.js'

const silent: TierInputs = { modelTier: null, headerTier: null, effort: { effort: 'high', reason: 'default' }, tierByEffort: { max: 'pro' }, defaultTier: 'flash' }

const table: Array<[name: string, inputs: Partial<TierInputs>, expected: TierChoice]> = [
  ['no reason for another: the default', {}, { tier: 'flash', reason: 'default' }],
  ['the default is a setting', { defaultTier: 'pro' }, { tier: 'pro', reason: 'default' }],
  ['a named model wins over everything', { modelTier: 'flash', headerTier: 'pro', effort: { effort: 'max', reason: 'asked-by-body' } }, { tier: 'flash', reason: 'pinned-by-model' }],
  ['the header decides where the model is auto', { headerTier: 'pro' }, { tier: 'pro', reason: 'asked-by-header' }],
  ['the header wins over effort', { headerTier: 'flash', effort: { effort: 'max', reason: 'asked-by-body' } }, { tier: 'flash', reason: 'asked-by-header' }],
  ['max in the body calls for pro', { effort: { effort: 'max', reason: 'asked-by-body' } }, { tier: 'pro', reason: 'asked-for-effort' }],
  ['max in the header calls for pro', { effort: { effort: 'max', reason: 'asked-by-header' } }, { tier: 'pro', reason: 'asked-for-effort' }],
  ['an effort nobody asked for calls for nothing', { effort: { effort: 'max', reason: 'default' } }, { tier: 'flash', reason: 'default' }],
  ['an effort without a tier leaves the default', { effort: { effort: 'high', reason: 'asked-by-body' } }, { tier: 'flash', reason: 'default' }],
  ['which effort calls for which tier is a setting', { effort: { effort: 'none', reason: 'asked-by-body' }, tierByEffort: { none: 'flash' }, defaultTier: 'pro' }, { tier: 'flash', reason: 'asked-for-effort' }]
]

for (const [name, inputs, expected] of table) {
  await t.test(name, async t => {
    t.strictSame(chooseTier({ ...silent, ...inputs }), expected)
  })
}
