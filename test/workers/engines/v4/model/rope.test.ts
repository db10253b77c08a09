import t from 'tap'
import { readV4Config } from '../../../../../workers/engines/v4/checkpoint/config.js'
import { RotaryTable, rotaryFrequencies } from '../../../../../workers/engines/v4/model/rope.js'
import { Workspace } from '../../../../../workers/engines/v4/model/workspace.js'
import { Arena } from '../../../../../workers/engines/v4/kernels/arena.js'
import { ReferenceKernels } from '../../../../../workers/engines/v4/kernels/reference/reference-kernels.js'
import { tinyGoldenConfigKeys } from '../checkpoint/tiny-golden-weights.js'

const release = readV4Config(JSON.stringify({
  ...tinyGoldenConfigKeys,
  head_dim: 512,
  index_head_dim: 128,
  qk_rope_head_dim: 64,
  compress_rope_theta: 160000,
  rope_scaling: { type: 'yarn', factor: 16, original_max_position_embeddings: 65536, beta_fast: 32, beta_slow: 1 }
}))

await t.test('frequencies of the releases (V4 section 2.7)', async t => {
  const compressed = rotaryFrequencies(release, true)
  const expected: [number, number][] = [[0, 1], [1, 0.687656022], [15, 0.003635538584], [16, 0.002265625], [20, 0.000296977778], [24, 1.953125e-5], [25, 5.372313e-6], [31, 5.68053e-7]]
  for (const [pair, frequency] of expected) t.ok(Math.abs((compressed[pair] ?? 0) / frequency - 1) < 1e-6, `pair ${pair}`)
  const plain = rotaryFrequencies(release, false)
  t.ok(Math.abs((plain[31] ?? 0) / 10000 ** (-62 / 64) - 1) < 1e-12, 'layers without compression have no YaRN')
})

await t.test('turns the last dimensions pairwise, and back', async t => {
  const workspace = new Workspace(Arena.create(), 'f64')
  const kernels = new ReferenceKernels(workspace.arena, 8)
  const table = new RotaryTable(workspace, Float64Array.of(1, 0.5), 2)
  table.fill(Int32Array.of(3, 0), 2)
  const { offset, values } = workspace.floats(12)
  values.set([9, 8, 1, 0, 0, 2, 7, 6, 1, 1, 1, 1])
  const before = values.slice()
  kernels.rotate(offset, table.offset, 2, 1, 6, 4, 1)
  const expected = [9, 8, Math.cos(3), Math.sin(3), -2 * Math.sin(1.5), 2 * Math.cos(1.5), 7, 6, 1, 1, 1, 1]
  t.ok(expected.every((value, i) => Math.abs(value - (values[i] ?? 0)) < 1e-15))
  kernels.rotate(offset, table.offset, 2, 1, 6, 4, -1)
  t.ok(before.every((value, i) => Math.abs(value - (values[i] ?? 0)) < 1e-15))
})
