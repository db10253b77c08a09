import t from 'tap'
import type { AnswerSample } from '../../src/policy/answer-sample.js'
import { compareTiers } from '../../src/policy/compare-tiers.js'

const sample = (reason: string, tier: 'flash' | 'pro', costNanoUsd: number, isGood: boolean): AnswerSample & { isGood: boolean } =>
  ({ requestId: reason, atMs: 0, tier, reason, costNanoUsd, flash: null, pro: null, isGood })
const repeat = <Item> (count: number, make: (index: number) => Item): Item[] => Array.from({ length: count }, (_, index) => make(index))

await t.test('straight to a tier, through the cascade, and what lies between', async t => {
  const samples = [
    ...repeat(100, index => sample('cascade-holdout', 'pro', 100, index < 90)),
    ...repeat(100, index => sample('cascade-holdout', 'flash', 10, index < 60)),
    ...repeat(300, index => sample('cascade-kept', 'flash', 10, index < 240)),
    ...repeat(100, index => sample('cascade-low-confidence', 'pro', 110, index < 90)),
    sample('pinned-by-model', 'pro', 5000, false)
  ]
  const isGoodBy = new Map<AnswerSample, boolean>(samples.map(each => [each, each.isGood]))
  const { saving, regret, ...groups } = compareTiers(samples, each => isGoodBy.get(each) ?? null)
  t.strictSame(groups, {
    flash: { requests: 100, goodShare: 0.6, meanNanoUsd: 10 },
    pro: { requests: 100, goodShare: 0.9, meanNanoUsd: 100 },
    cascade: { requests: 400, goodShare: 0.825, meanNanoUsd: 35 },
    repeatedShare: 0.25
  })
  t.ok(Math.abs((saving?.value ?? 0) - 0.65) < 1e-12)
  t.ok(Math.abs((regret?.value ?? 0) - 0.075) < 1e-12)
  // The costs of pro do not differ, so only the cascade's do: 1.96 · sd / √n over pro's mean.
  const deviation = Math.sqrt((300 * 25 ** 2 + 100 * 75 ** 2) / 399)
  t.ok(Math.abs((saving?.plusMinus ?? 0) - 1.96 * deviation / Math.sqrt(400) / 100) < 1e-9)
  t.ok((regret?.plusMinus ?? 0) > 0.06 && (regret?.plusMinus ?? 0) < 0.08)
})

await t.test('without requests to compare with nothing is claimed', async t => {
  t.match(compareTiers([], () => true), { saving: null, regret: null, repeatedShare: null, cascade: { requests: 0, goodShare: null } })
  t.match(compareTiers(repeat(9, () => sample('cascade-kept', 'flash', 1, true)), () => null), { saving: null, regret: null, cascade: { requests: 9, goodShare: null } })
})
