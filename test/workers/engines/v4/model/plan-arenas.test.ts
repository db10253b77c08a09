import t from 'tap'
import { planArenas } from '../../../../../workers/engines/v4/model/plan-arenas.js'

await t.test('what fits lies together', async t => {
  t.same(planArenas({ embedding: 10, layers: [10, 10], stage: 5, head: 10 }, 45), [{ hasEmbedding: true, layers: [0, 1], hasHead: true }])
})

await t.test('a new arena begins where the next piece does not fit, and pays for its scratch', async t => {
  t.same(planArenas({ embedding: 10, layers: [10, 10, 10], stage: 5, head: 10 }, 26), [
    { hasEmbedding: true, layers: [0], hasHead: false },
    { hasEmbedding: false, layers: [1, 2], hasHead: false },
    { hasEmbedding: false, layers: [], hasHead: true }
  ])
  t.same(planArenas({ embedding: 30, layers: [20, 20], stage: 5, head: 0 }, 30).map(({ layers }) => layers), [[], [0], [1]], 'a rank without a head')
})

await t.test('a piece larger than an arena is refused by name', async t => {
  t.throws(() => planArenas({ embedding: 1, layers: [1, 40], stage: 5, head: 1 }, 44), { message: /^layer 1 needs 45 bytes, an arena holds 44/ })
  t.throws(() => planArenas({ embedding: 45, layers: [], stage: 5, head: 1 }, 44), { message: /^the embedding needs 45/ })
})
