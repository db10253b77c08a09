import fc from 'fast-check'
import t from 'tap'
import { expertRangeOf } from '../../../../../workers/engines/v4/model/expert-range.js'

await t.test('the ranges of all ranks cover every expert once, and differ by one at most', async t => {
  fc.assert(fc.property(fc.integer({ min: 1, max: 400 }), fc.integer({ min: 1, max: 64 }), (experts, ranks) => {
    const ranges = Array.from({ length: ranks }, (_, rank) => expertRangeOf(experts, rank, ranks))
    const sizes = ranges.map(({ begin, end }) => end - begin)
    const isJoined = ranges.every(({ begin }, rank) => begin === (ranges[rank - 1]?.end ?? 0))
    return isJoined && ranges.at(-1)?.end === experts && Math.max(...sizes) - Math.min(...sizes) <= 1
  }))
  t.same(expertRangeOf(256, 1, 4), { begin: 64, end: 128 })
})
