import t from 'tap'
import { sinkhorn } from '../../../../../workers/engines/v4/numerics/sinkhorn.js'

await t.test('the check matrix of V4 section 3.2', async t => {
  const matrix = Float64Array.of(5, 0, 1, 2, 3, 1, 0, 0, 0, -1, 2, 0.5, 0, 0, 0, 0, 0, 5)
  sinkhorn(matrix, 1, 4, 20, 1e-6)
  const expected = [
    0.046828, 0.07109798, 0.30504233, 0.57703068, 0.56963495, 0.11704946, 0.1847485, 0.12856608,
    0.05606237, 0.62893961, 0.22150364, 0.09349338, 0.32747367, 0.18291195, 0.28870453, 0.20090885
  ]
  for (const [i, value] of expected.entries()) t.ok(Math.abs(value - (matrix[1 + i] ?? 0)) < 1e-8, `entry ${i}`)
  t.same([matrix[0], matrix[17]], [5, 5], 'what lies beside it is left alone')
})
