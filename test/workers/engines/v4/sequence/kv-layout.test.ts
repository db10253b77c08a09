import t from 'tap'
import { readV4Config, type V4Config } from '../../../../../workers/engines/v4/checkpoint/config.js'
import { kvFloatsPerToken, layOutKv } from '../../../../../workers/engines/v4/sequence/kv-layout.js'
import { tinyGoldenConfigKeys } from '../checkpoint/tiny-golden-weights.js'

function networkOf (ratios: number[], overrides: Record<string, unknown> = {}): V4Config {
  return readV4Config(JSON.stringify({
    ...tinyGoldenConfigKeys,
    head_dim: 512,
    index_head_dim: 128,
    qk_rope_head_dim: 64,
    sliding_window: 128,
    num_hidden_layers: ratios.length,
    compress_ratios: ratios,
    ...overrides
  }))
}

function pairs (count: number): number[] {
  return Array.from({ length: count }, () => [4, 128]).flat()
}

const flash = networkOf([0, 0, ...pairs(20), 4])
const pro = networkOf([128, 128, ...pairs(29), 4])
const allLayers = ({ compressRatios }: V4Config): number[] => compressRatios.map((_, layer) => layer)

await t.test('bytes a token as in V4 section 9.3, in f32', async t => {
  t.equal(kvFloatsPerToken(flash, allLayers(flash)) * 4, 13_760)
  t.equal(kvFloatsPerToken(pro, allLayers(pro)) * 4, 19_696)
  t.equal(layOutKv(flash, allLayers(flash)).blockTokens, 128)
})

await t.test('the fixed part: rings and compressor states', async t => {
  const { slotFloats, snapshotFloats, layers } = layOutKv(flash, allLayers(flash))
  const rings = 43 * 128 * 512
  // The half of the block before that the next entry pools, and the block that is being filled, of 21 layers.
  const previous = 21 * 2 * 4 * (512 + 128)
  const current = 21 * 2 * 4 * (1024 + 256) + 20 * 2 * 128 * 512
  t.equal(snapshotFloats, rings + previous)
  t.equal(slotFloats, rings + previous + current)
  t.ok(layers.every(({ window }) => window < snapshotFloats))
})

await t.test('blocks hold whole entries of every ratio, on every stage the same', async t => {
  const odd = networkOf([4, 12, 0, 48])
  t.equal(layOutKv(odd, [0]).blockTokens, 144)
  t.equal(layOutKv(odd, [2]).blockTokens, 144)
  t.equal(layOutKv(odd, [2]).blockFloats, 0)
  t.same(layOutKv(odd, [1, 3]).layers.map(({ compressor }) => compressor?.entriesPerBlock), [12, 3])
  t.equal(layOutKv(networkOf([0, 0]), [0, 1]).blockTokens, 128, 'a network without compression')
})
