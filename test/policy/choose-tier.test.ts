import fc from 'fast-check'
import t from 'tap'
import { chooseTier, considerTier, type MoneyInputs, type TierInputs, type TierReason } from '../../src/policy/choose-tier.js'
import { unitOf } from '../../src/policy/unit-of.js'
import type { Tier } from '../../workers/contract/job.js'

const policy: TierInputs['policy'] = {
  defaultTier: 'flash',
  proShareByEffort: { none: 0, low: 0, high: 0, max: 1 },
  trial: { tier: 'pro', share: 0 },
  cascade: { isAllowed: false, holdoutShare: 0 }
}
const rules: TierInputs['rules'] = { allowedTiers: ['pro', 'flash'], defaultTier: null, downgradeAtBudgetShare: null, atPeak: 'same', cascade: null }
const money: MoneyInputs = { nanoUsd: { flash: 10, pro: 40 }, ceilingNanoUsd: null, budgetShare: null, isPeak: false }
const silent: TierInputs = {
  requestId: 'request',
  modelTier: null,
  headerTier: null,
  effort: { effort: 'high', reason: 'default' },
  conversationTier: null,
  fits: { pro: true, flash: true },
  money,
  rules,
  policy
}

const max = { effort: 'max', reason: 'asked-by-body' } as const
const ceiling = { ...money, ceilingNanoUsd: 20 }
const spent = { money: { ...money, budgetShare: 0.8 }, rules: { ...rules, downgradeAtBudgetShare: 0.8 } }
const peak = { money: { ...money, isPeak: true }, rules: { ...rules, atPeak: 'flash' as const } }
const cascade = { ...policy, cascade: { isAllowed: true, holdoutShare: 0 } }
const toPro = { ...policy, defaultTier: 'pro' as const }

const table: Array<[name: string, inputs: Partial<TierInputs>, tier: Tier, reason: TierReason]> = [
  ['no reason for another: the default', {}, 'flash', 'default'],
  ['the default is a setting', { policy: toPro }, 'pro', 'default'],
  ['a key has a default of its own', { rules: { ...rules, defaultTier: 'pro' } }, 'pro', 'default'],

  ['a named model wins over everything', { modelTier: 'flash', headerTier: 'pro', conversationTier: 'pro', effort: max }, 'flash', 'pinned-by-model'],
  ['a named model wins over money and room', { ...spent, modelTier: 'pro', fits: { pro: false, flash: true } }, 'pro', 'pinned-by-model'],
  ['the header decides where the model is auto', { headerTier: 'pro' }, 'pro', 'asked-by-header'],
  ['the header wins over conversation, effort and money', { ...peak, headerTier: 'pro', conversationTier: 'flash' }, 'pro', 'asked-by-header'],
  ['a named tier that the key may not use is named all the same, to be refused', { modelTier: 'pro', rules: { ...rules, allowedTiers: ['flash'] } }, 'pro', 'pinned-by-model'],

  ['a key with one tier has no choice', { rules: { ...rules, allowedTiers: ['flash'] }, conversationTier: 'pro', effort: max }, 'flash', 'only-allowed-tier'],
  ['nor when that tier is pro and money speaks against it', { ...ceiling, rules: { ...rules, allowedTiers: ['pro'] }, money: ceiling }, 'pro', 'only-allowed-tier'],

  ['a conversation stays on pro', { conversationTier: 'pro' }, 'pro', 'conversation'],
  ['a conversation stays on flash, whatever the effort', { conversationTier: 'flash', effort: max }, 'flash', 'conversation'],
  ['a conversation that outgrew its tier moves', { conversationTier: 'flash', fits: { pro: true, flash: false } }, 'pro', 'size-class'],
  ['a budget nearly spent moves it to flash when that is cheaper', { ...spent, conversationTier: 'pro' }, 'flash', 'budget-share'],
  ['but not when the lost prefix would cost more', { ...spent, money: { ...spent.money, nanoUsd: { flash: 50, pro: 40 } }, conversationTier: 'pro' }, 'pro', 'conversation'],
  ['peak hours move it likewise', { ...peak, conversationTier: 'pro' }, 'flash', 'peak-hours'],
  ['a ceiling moves it whatever the prefix costs', { money: { ...ceiling, nanoUsd: { flash: 60, pro: 40 } }, conversationTier: 'pro' }, 'flash', 'cost-ceiling'],

  ['max in the body calls for pro', { effort: max }, 'pro', 'asked-for-effort'],
  ['max in the header calls for pro', { effort: { effort: 'max', reason: 'asked-by-header' } }, 'pro', 'asked-for-effort'],
  ['an effort nobody asked for calls for nothing', { effort: { effort: 'max', reason: 'default' } }, 'flash', 'default'],
  ['an effort that was capped calls for nothing', { effort: { effort: 'max', reason: 'capped-by-key' } }, 'flash', 'default'],
  ['high may have a share of pro', { effort: { effort: 'high', reason: 'asked-by-body' }, policy: { ...policy, proShareByEffort: { ...policy.proShareByEffort, high: 1 } } }, 'pro', 'asked-for-effort'],
  ['a budget nearly spent is stronger than effort', { ...spent, effort: max }, 'flash', 'budget-share'],
  ['pro without room is not called for', { effort: max, fits: { pro: false, flash: true } }, 'flash', 'size-class'],

  ['only pro has room', { fits: { pro: true, flash: false } }, 'pro', 'size-class'],
  ['only pro has room, though money speaks against it', { ...spent, fits: { pro: true, flash: false } }, 'pro', 'size-class'],
  ['neither has room: the default, to be refused', { fits: { pro: false, flash: false } }, 'flash', 'default'],

  ['a ceiling that pro would pass', { policy: toPro, money: ceiling }, 'flash', 'cost-ceiling'],
  ['a ceiling that pro keeps', { policy: toPro, money: { ...money, ceilingNanoUsd: 40 } }, 'pro', 'default'],
  ['a budget nearly spent', { ...spent, policy: toPro }, 'flash', 'budget-share'],
  ['a budget with enough left', { ...spent, money: { ...money, budgetShare: 0.79 }, policy: toPro }, 'pro', 'default'],
  ['an unknown budget', { ...spent, money, policy: toPro }, 'pro', 'default'],
  ['peak hours', { ...peak, policy: toPro }, 'flash', 'peak-hours'],
  ['peak hours without a rule for them', { money: peak.money, policy: toPro }, 'pro', 'default'],

  ['all on trial', { policy: { ...policy, trial: { tier: 'pro', share: 1 } } }, 'pro', 'trial'],
  ['no trial against money', { ...peak, policy: { ...policy, trial: { tier: 'pro', share: 1 } } }, 'flash', 'peak-hours'],

  ['a cascade begins on flash', { policy: cascade }, 'flash', 'cascade'],
  ['a key may have it on its own', { rules: { ...rules, cascade: true } }, 'flash', 'cascade'],
  ['or not', { rules: { ...rules, cascade: false }, policy: cascade }, 'flash', 'default'],
  ['no cascade that could pass the ceiling', { policy: cascade, money: { ...money, ceilingNanoUsd: 49 } }, 'flash', 'default'],
  ['a cascade needs a request that nothing else decides', { policy: cascade, effort: max }, 'pro', 'asked-for-effort']
]

for (const [name, inputs, tier, reason] of table) {
  await t.test(name, async t => {
    t.strictSame(chooseTier({ ...silent, ...inputs }), { tier, reason })
  })
}

await t.test('the choice is the last step considered, and every step says why', async t => {
  const { choice, steps } = considerTier({ ...silent, ...spent, effort: max })
  t.strictSame(steps.map(({ step }) => step), ['model', 'header', 'allowed tiers', 'conversation', 'effort', 'size', 'cost'])
  t.strictSame(steps.at(-1)?.choice, choice)
  t.ok(steps.every(({ why }) => why !== ''))
  t.match(steps[4]?.why, /effort max calls for pro, and budget-share speaks against it/)
})

await t.test('shares are drawn by the request id: about the share of many ids, and always the same for one', async t => {
  const ids = Array.from({ length: 4000 }, (_, index) => `request-${index}`)
  const trial = (requestId: string) => chooseTier({ ...silent, requestId, policy: { ...policy, trial: { tier: 'pro', share: 0.25 } } })
  const held = (requestId: string) => chooseTier({ ...silent, requestId, policy: { ...policy, cascade: { isAllowed: true, holdoutShare: 0.2 } } })
  const share = (choose: (id: string) => { tier: Tier, reason: TierReason }, tier: Tier, reason: TierReason) => ids.filter(id => {
    const choice = choose(id)
    return choice.tier === tier && choice.reason === reason
  }).length / ids.length
  t.ok(Math.abs(share(trial, 'pro', 'trial') - 0.25) < 0.03)
  t.ok(Math.abs(share(held, 'pro', 'cascade-holdout') - 0.1) < 0.02)
  t.ok(Math.abs(share(held, 'flash', 'cascade-holdout') - 0.1) < 0.02)
  t.strictSame(ids.map(trial), ids.map(trial))
  t.not(unitOf('a', 'trial'), unitOf('a', 'holdout'))
})

await t.test('whatever the inputs: a tier the key allows unless one was named, and never pro against money by choice', async () => {
  const tier = fc.constantFrom<Tier>('pro', 'flash')
  const inputs: fc.Arbitrary<TierInputs> = fc.record({
    requestId: fc.string(),
    modelTier: fc.option(tier),
    headerTier: fc.option(tier),
    effort: fc.record({ effort: fc.constantFrom('none', 'low', 'high', 'max'), reason: fc.constantFrom('asked-by-body', 'asked-by-header', 'default', 'capped-by-key') }),
    conversationTier: fc.option(tier),
    fits: fc.record({ pro: fc.boolean(), flash: fc.boolean() }),
    money: fc.record({
      nanoUsd: fc.record({ pro: fc.nat(100), flash: fc.nat(100) }),
      ceilingNanoUsd: fc.option(fc.nat(100)),
      budgetShare: fc.option(fc.double({ min: 0, max: 1, noNaN: true })),
      isPeak: fc.boolean()
    }),
    rules: fc.record({
      allowedTiers: fc.constantFrom<Tier[]>(['pro'], ['flash'], ['pro', 'flash'], ['flash', 'flash']),
      defaultTier: fc.option(tier),
      downgradeAtBudgetShare: fc.option(fc.double({ min: 0, max: 1, noNaN: true })),
      atPeak: fc.constantFrom('same', 'flash'),
      cascade: fc.option(fc.boolean())
    }),
    policy: fc.record({
      defaultTier: tier,
      proShareByEffort: fc.constant({ none: 0.2, low: 0.2, high: 0.5, max: 1 }),
      trial: fc.record({ tier, share: fc.constantFrom(0, 0.5, 1) }),
      cascade: fc.record({ isAllowed: fc.boolean(), holdoutShare: fc.constantFrom(0, 0.5, 1) })
    })
  })
  fc.assert(fc.property(inputs, given => {
    const { tier: chosen, reason } = chooseTier(given)
    const isNamed = given.modelTier !== null || given.headerTier !== null
    if (isNamed) return chosen === (given.modelTier ?? given.headerTier)
    if (!given.rules.allowedTiers.includes(chosen)) return false
    if (!given.fits[chosen] && given.fits[chosen === 'pro' ? 'flash' : 'pro'] && reason !== 'only-allowed-tier') return false
    const ceilingNanoUsd = given.money.ceilingNanoUsd ?? Infinity
    const isForced = reason === 'only-allowed-tier' || reason === 'size-class'
    return chosen === 'flash' || isForced || given.money.nanoUsd.pro <= ceilingNanoUsd
  }), { numRuns: 2000 })
})
