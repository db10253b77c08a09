import t from 'tap'
import { attentionKindOf, CheckpointError, readV4Config } from '../../../../../workers/engines/v4/checkpoint/config.js'
import { tinyGoldenConfigKeys } from './tiny-golden-weights.js'

const read = (changes: Record<string, unknown>) => readV4Config(JSON.stringify({ ...tinyGoldenConfigKeys, ...changes }))

await t.test('sizes, rope and ratios are read; the ratios of the drafter are dropped', async t => {
  const config = read({})
  t.equal(config.hiddenSize, 64)
  t.same(config.compressRatios, [0, 4, 16, 4])
  t.same(config.yarn, { factor: 4, originalPositions: 64, betaFast: 32, betaSlow: 1 })
  t.equal(config.swigluLimit, 1)
  t.ok(Object.isFrozen(config))
  t.same([0, 4, 16, 128].map(attentionKindOf), ['swa', 'csa', 'hca', 'hca'])
})

await t.test('what may be absent has a documented meaning', async t => {
  const config = read({ rope_scaling: null, swiglu_limit: undefined, bos_token_id: undefined, norm_topk_prob: undefined })
  t.equal(config.yarn, null)
  t.equal(config.swigluLimit, Infinity)
  t.equal(config.bosTokenId, 0)
  t.equal(config.normaliseExpertWeights, true)
})

await t.test('unknown keys are tolerated', async t => {
  t.equal(read({ dspark_block_size: 5, quantization_config: { fmt: 'e4m3' } }).layerCount, 4)
})

await t.test('a fault is told with the key', async t => {
  const faults: Array<[Record<string, unknown>, RegExp]> = [
    [{ hidden_size: undefined }, /hidden_size/],
    [{ hidden_size: -4 }, /hidden_size/],
    [{ num_key_value_heads: 8 }, /num_key_value_heads/],
    [{ scoring_func: 'softmax' }, /scoring_func/],
    [{ rope_scaling: { type: 'linear', factor: 2 } }, /rope_scaling\.type/],
    [{ compress_ratios: [0, 4] }, /compress_ratios: has 2 entries for 4 layers/],
    [{ o_groups: 3 }, /o_groups: 3 does not divide/],
    [{ qk_rope_head_dim: 80 }, /qk_rope_head_dim/],
    [{ index_head_dim: 24 }, /index_head_dim/],
    [{ num_experts_per_tok: 9 }, /num_experts_per_tok/],
    [{ num_hash_layers: 5 }, /num_hash_layers/]
  ]
  for (const [changes, message] of faults) t.throws(() => read(changes), { name: 'CheckpointError', message })
  t.throws(() => readV4Config('{'), new CheckpointError('config.json is not JSON'))
  t.throws(() => readV4Config('[]'), { name: 'CheckpointError' })
})
