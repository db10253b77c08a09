import fc from 'fast-check'
import t from 'tap'
import { readV4Config } from '../../../../../workers/engines/v4/checkpoint/config.js'
import { evenBounds, groupBounds, rowBounds } from '../../../../../workers/engines/v4/model/row-split.js'
import { tinyGoldenConfigKeys } from '../checkpoint/tiny-golden-weights.js'

await t.test('the parts of all ranks cover every row once, and differ by one unit at most', async t => {
  fc.assert(fc.property(fc.integer({ min: 1, max: 4000 }), fc.integer({ min: 1, max: 64 }), fc.constantFrom(1, 4), (rows, ranks, unit) => {
    const bounds = evenBounds(rows, ranks, unit)
    const sizes = bounds.slice(1).map((end, rank) => end - (bounds[rank] ?? NaN))
    return bounds.length === ranks + 1 && bounds[0] === 0 && bounds.at(-1) === rows &&
      sizes.every(size => size >= 0) && Math.max(...sizes) - Math.min(...sizes) < 2 * unit
  }))
  t.same(evenBounds(256, 2), [0, 128, 256])
  t.same(evenBounds(10, 2), [0, 4, 10])
})

await t.test('heads go by whole groups, with the rows of the projection that read them', async t => {
  const config = readV4Config(JSON.stringify(tinyGoldenConfigKeys))
  const groups = groupBounds(config, 3)
  t.equal(groups.at(-1), config.outputGroups)
  const heads = rowBounds(config, 'layers.0.attn.wq_b.weight', config.headCount * config.headDim, 3) ?? []
  const latents = rowBounds(config, 'layers.0.attn.wo_a.weight', config.outputGroups * config.outputRank, 3) ?? []
  for (const [rank, group] of groups.entries()) {
    t.equal(heads[rank], group * config.headCount * config.headDim / config.outputGroups)
    t.equal(latents[rank], group * config.outputRank)
  }
})

await t.test('what every row needs whole is not spread', async t => {
  const config = readV4Config(JSON.stringify(tinyGoldenConfigKeys))
  for (const name of ['embed.weight', 'layers.1.ffn.gate.weight', 'layers.1.hc_attn_fn', 'layers.1.attn.q_norm.weight', 'layers.1.attn.indexer.weights_proj.weight']) t.equal(rowBounds(config, name, 64, 2), null, name)
  for (const name of ['head.weight', 'layers.1.ffn.experts.3.w2.weight', 'layers.1.ffn.shared_experts.w1.weight', 'layers.1.attn.indexer.compressor.wkv.weight']) t.same(rowBounds(config, name, 64, 2), [0, 32, 64], name)
})
