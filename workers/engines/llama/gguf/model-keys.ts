import type { Checkpoint } from '../../v4/checkpoint/checkpoint.js'
import type { GgufValue } from './gguf-file.js'

/** The `deepseek4.*` metadata of a checkpoint: its config under llama.cpp's names (V4 architecture, section 8.5). */
export function modelKeys ({ config, info }: Checkpoint): Map<string, GgufValue> {
  const keys = new Map<string, GgufValue>()
  const prefix = 'deepseek4.'
  const u32 = (key: string, value: number): void => { keys.set(prefix + key, { kind: 'u32', value }) }
  const f32 = (key: string, value: number): void => { keys.set(prefix + key, { kind: 'f32', value }) }
  keys.set('general.architecture', { kind: 'string', value: 'deepseek4' })
  keys.set('general.name', { kind: 'string', value: info?.name ?? 'v4' })
  u32('vocab_size', config.vocabularySize)
  u32('context_length', config.maxPositions)
  u32('embedding_length', config.hiddenSize)
  u32('embedding_length_out', config.hiddenSize * config.streamCount)
  u32('block_count', config.layerCount)
  u32('feed_forward_length', config.expertWidth)
  u32('attention.head_count', config.headCount)
  u32('attention.head_count_kv', 1)
  u32('attention.key_length', config.headDim)
  u32('attention.value_length', config.headDim)
  u32('attention.q_lora_rank', config.queryRank)
  u32('attention.sliding_window', config.window)
  u32('attention.output_group_count', config.outputGroups)
  u32('attention.output_lora_rank', config.outputRank)
  f32('attention.layer_norm_rms_epsilon', config.normEps)
  f32('attention.compress_rope_freq_base', config.compressRopeTheta)
  keys.set(prefix + 'attention.compress_ratios', { kind: 'u32s', value: config.compressRatios })
  u32('attention.indexer.head_count', config.indexHeadCount)
  u32('attention.indexer.key_length', config.indexHeadDim)
  u32('attention.indexer.top_k', config.indexTopK)
  u32('rope.dimension_count', config.ropeDim)
  f32('rope.freq_base', config.ropeTheta)
  if (config.yarn !== null) {
    keys.set(prefix + 'rope.scaling.type', { kind: 'string', value: 'yarn' })
    f32('rope.scaling.factor', config.yarn.factor)
    u32('rope.scaling.original_context_length', config.yarn.originalPositions)
    f32('rope.scaling.yarn_beta_fast', config.yarn.betaFast)
    f32('rope.scaling.yarn_beta_slow', config.yarn.betaSlow)
  }
  u32('expert_count', config.expertCount)
  u32('expert_used_count', config.expertsPerToken)
  u32('expert_feed_forward_length', config.expertWidth)
  u32('expert_shared_count', 1)
  f32('expert_weights_scale', config.routedScalingFactor)
  keys.set(prefix + 'expert_weights_norm', { kind: 'bool', value: config.normaliseExpertWeights })
  u32('expert_gating_func', 4)
  const clamps = Array.from({ length: config.layerCount }, () => config.swigluLimit)
  keys.set(prefix + 'swiglu_clamp_exp', { kind: 'f32s', value: clamps })
  keys.set(prefix + 'swiglu_clamp_shexp', { kind: 'f32s', value: clamps })
  u32('hash_layer_count', config.hashLayerCount)
  u32('hyper_connection.count', config.streamCount)
  u32('hyper_connection.sinkhorn_iterations', config.sinkhornIterations)
  f32('hyper_connection.epsilon', config.streamEps)
  return keys
}
