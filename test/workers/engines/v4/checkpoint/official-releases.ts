import { type V4Config } from '../../../../../workers/engines/v4/checkpoint/config.js'
import { expectedTensors, scaleNameOf, type ExpectedTensor } from '../../../../../workers/engines/v4/checkpoint/inventory.js'
import { type TensorType } from '../../../../../workers/engines/v4/checkpoint/checkpoint.js'
import { type TensorSource } from '../../../../../workers/engines/v4/checkpoint/write-checkpoint.js'

/** What is published about a release (V4 specification, sections 1 and 8.1). */
export interface Release {
  readonly name: string
  readonly configKeys: Readonly<Record<string, unknown>>
  readonly drafter: 'mtp' | 'dspark'
  readonly markovRank: number
  readonly tensorCount: number
  readonly totalBytes: number
  readonly backboneBytes: number
  readonly expertBytes: number
  readonly shardCount: number
}

const shared = {
  vocab_size: 129280,
  num_key_value_heads: 1,
  head_dim: 512,
  qk_rope_head_dim: 64,
  o_lora_rank: 1024,
  sliding_window: 128,
  rope_theta: 10000,
  compress_rope_theta: 160000,
  rope_scaling: { type: 'yarn', factor: 16, original_max_position_embeddings: 65536, beta_fast: 32, beta_slow: 1 },
  max_position_embeddings: 1048576,
  index_n_heads: 64,
  index_head_dim: 128,
  num_experts_per_tok: 6,
  n_shared_experts: 1,
  scoring_func: 'sqrtsoftplus',
  topk_method: 'noaux_tc',
  norm_topk_prob: true,
  swiglu_limit: 10,
  num_hash_layers: 3,
  hc_mult: 4,
  hc_sinkhorn_iters: 20,
  hc_eps: 1e-6,
  rms_norm_eps: 1e-6,
  tie_word_embeddings: false,
  bos_token_id: 0,
  eos_token_id: 1
}

const alternating = (pairs: number): number[] => Array.from({ length: pairs }, () => [4, 128]).flat()

export const flashConfigKeys = {
  ...shared,
  hidden_size: 4096,
  num_hidden_layers: 43,
  num_attention_heads: 64,
  q_lora_rank: 1024,
  o_groups: 8,
  compress_ratios: [0, 0, ...alternating(20), 4, 0],
  index_topk: 512,
  n_routed_experts: 256,
  moe_intermediate_size: 2048,
  routed_scaling_factor: 1.5
}

export const proConfigKeys = {
  ...shared,
  hidden_size: 7168,
  num_hidden_layers: 61,
  num_attention_heads: 128,
  q_lora_rank: 1536,
  o_groups: 16,
  compress_ratios: [128, 128, ...alternating(29), 4, 0],
  index_topk: 1024,
  n_routed_experts: 384,
  moe_intermediate_size: 3072,
  routed_scaling_factor: 2.5
}

const flashBackbone = { backboneBytes: 156_015_698_140, expertBytes: 147_169_738_752 }
const proBackbone = { backboneBytes: 850_748_205_004, expertBytes: 822_054_223_872 }

export const releases: readonly Release[] = [
  { name: 'Flash', configKeys: flashConfigKeys, drafter: 'mtp', markovRank: 0, tensorCount: 69_187, totalBytes: 159_609_485_896, ...flashBackbone, shardCount: 46 },
  {
    name: 'Flash-0731',
    configKeys: { ...flashConfigKeys, compress_ratios: [...flashConfigKeys.compress_ratios, 0, 0] },
    drafter: 'dspark',
    markovRank: 256,
    tensorCount: 72_317,
    totalBytes: 166_878_536_440,
    ...flashBackbone,
    shardCount: 48
  },
  { name: 'Pro', configKeys: proConfigKeys, drafter: 'mtp', markovRank: 0, tensorCount: 145_116, totalBytes: 864_704_792_696, ...proBackbone, shardCount: 64 }
]

/** All tensors of a release as holes, one shard a layer as the releases are cut. */
export function officialShards (config: V4Config, release: Release): TensorSource[][] {
  const shards = new Map<string, TensorSource[]>()
  for (const tensor of expectedTensors(config).flatMap(officialForm)) {
    const shard = /^layers\.\d+|^embed/.exec(tensor.name)?.[0] ?? 'rest'
    const tensors = shards.get(shard)
    if (tensors === undefined) shards.set(shard, [tensor])
    else tensors.push(tensor)
  }
  const stages = release.drafter === 'mtp' ? [0] : [0, 1, 2]
  return [...shards.values(), ...stages.map(stage => drafterStage(config, release, stage))]
}

/** The stored form of the releases: FP4 experts, FP8 linears with scales, BF16 or F32 for the rest. */
function officialForm ({ name, forms: [form] }: ExpectedTensor): TensorSource[] {
  if (form === undefined) return []
  const weight = hole(name, form.type, ...form.shape)
  return form.scaleShape === undefined ? [weight] : [weight, hole(scaleNameOf(name), 'F8_E8M0', ...form.scaleShape)]
}

/** A drafter stage is a window-only layer with a scored router, plus what its kind adds (sections 7 and 8.2). */
function drafterStage (config: V4Config, release: Release, stage: number): TensorSource[] {
  const { hiddenSize: hidden, vocabularySize: vocabulary } = config
  const layer = expectedTensors({ ...config, layerCount: 1, compressRatios: [0], hashLayerCount: 0 })
    .filter(({ name }) => name.startsWith('layers.0.'))
    .flatMap(officialForm)
    .map(tensor => ({ ...tensor, name: tensor.name.replace('layers.0.', `mtp.${stage}.`) }))
  const prefix = `mtp.${stage}.`
  const linear = (name: string, rows: number, columns: number) => [
    hole(`${prefix}${name}.weight`, 'F8_E4M3', rows, columns),
    hole(`${prefix}${name}.scale`, 'F8_E8M0', rows / 128, columns / 128)
  ]
  const head = [
    hole(`${prefix}norm.weight`, 'BF16', hidden),
    hole(`${prefix}hc_head_fn`, 'F32', 4, 4 * hidden),
    hole(`${prefix}hc_head_base`, 'F32', 4),
    hole(`${prefix}hc_head_scale`, 'F32', 1)
  ]
  if (release.drafter === 'mtp') {
    const norms = ['enorm.weight', 'hnorm.weight'].map(name => hole(prefix + name, 'BF16', hidden))
    return [...layer, ...linear('e_proj', hidden, hidden), ...linear('h_proj', hidden, hidden), ...norms, ...head]
  }
  const tap = stage === 0 ? [...linear('main_proj', hidden, 3 * hidden), hole(`${prefix}main_norm.weight`, 'BF16', hidden)] : []
  const markov = stage === 2
    ? [
        ...head,
        hole(`${prefix}markov_head.markov_w1.weight`, 'BF16', vocabulary, release.markovRank),
        hole(`${prefix}markov_head.markov_w2.weight`, 'BF16', vocabulary, release.markovRank),
        hole(`${prefix}confidence_head.proj.weight`, 'BF16', 1, hidden + release.markovRank)
      ]
    : []
  return [...layer, ...tap, ...markov]
}

function hole (name: string, type: TensorType, ...shape: number[]): TensorSource {
  return { name, type, shape, bytes: () => null }
}
