import fc from 'fast-check'
import t from 'tap'
import { TopK } from '../../../../../workers/engines/v4/model/top-k.js'

await t.test('the same set as a full sort, the lowest index first among equals', async t => {
  const topK = new TopK(200, 50)
  fc.assert(fc.property(fc.array(fc.integer({ min: -5, max: 5 }), { minLength: 1, maxLength: 200 }), fc.integer({ min: 0, max: 50 }), (scores, k) => {
    const sorted = scores.map((score, index) => ({ score, index })).sort((left, right) => right.score - left.score || left.index - right.index)
    const expected = sorted.slice(0, k).map(({ index }) => index).sort((left, right) => left - right)
    const picks = [...topK.pick(scores, scores.length, k)]
    return picks.length === expected.length && picks.every((pick, i) => pick === expected[i])
  }))
  t.same([...topK.pick([1, 9, 9, 9, 9], 3, 2)], [1, 2], 'only the first `count` scores count')
})
