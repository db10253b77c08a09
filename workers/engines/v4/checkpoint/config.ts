import { z } from 'zod'

/** A checkpoint whose files do not describe a V4 network that this engine can run. */
export class CheckpointError extends Error {
  override readonly name = 'CheckpointError'
}

/** YaRN interpolation of the rotary frequencies of compressed layers (V4 section 2.7). */
export interface YarnConfig {
  readonly factor: number
  readonly originalPositions: number
  readonly betaFast: number
  readonly betaSlow: number
}

/** Attention of a layer: window only, compressed with an indexer, or heavily compressed without one. */
export type AttentionKind = 'swa' | 'csa' | 'hca'

/** The sizes and constants of one V4 network. In brackets, the key of config.json. */
export interface V4Config {
  /** [vocab_size] */
  readonly vocabularySize: number
  /** [hidden_size] */
  readonly hiddenSize: number
  /** Backbone layers, without drafter blocks [num_hidden_layers]. */
  readonly layerCount: number
  /** [num_attention_heads] */
  readonly headCount: number
  /** [head_dim] */
  readonly headDim: number
  /** Rotated dimensions, the last ones of a head [qk_rope_head_dim]. */
  readonly ropeDim: number
  /** [q_lora_rank] */
  readonly queryRank: number
  /** [o_groups] */
  readonly outputGroups: number
  /** [o_lora_rank] */
  readonly outputRank: number
  /** Positions that the window sees, the own one included [sliding_window]. */
  readonly window: number
  /** [rope_theta], layers without compression */
  readonly ropeTheta: number
  /** [compress_rope_theta], layers with compression */
  readonly compressRopeTheta: number
  /** [rope_scaling], layers with compression; null for none */
  readonly yarn: YarnConfig | null
  /** [max_position_embeddings] */
  readonly maxPositions: number
  /** One ratio a backbone layer: 0 none, 4 with indexer, else heavy [compress_ratios without the drafter's]. */
  readonly compressRatios: readonly number[]
  /** [index_n_heads] */
  readonly indexHeadCount: number
  /** [index_head_dim] */
  readonly indexHeadDim: number
  /** [index_topk] */
  readonly indexTopK: number
  /** [n_routed_experts] */
  readonly expertCount: number
  /** [num_experts_per_tok] */
  readonly expertsPerToken: number
  /** [moe_intermediate_size] */
  readonly expertWidth: number
  /** Whether the weights of the chosen experts are divided by their sum [norm_topk_prob]. */
  readonly normaliseExpertWeights: boolean
  /** [routed_scaling_factor] */
  readonly routedScalingFactor: number
  /** [swiglu_limit]; Infinity when absent */
  readonly swigluLimit: number
  /** Layers at the start whose experts come from a table by token id [num_hash_layers]. */
  readonly hashLayerCount: number
  /** Residual streams [hc_mult]. */
  readonly streamCount: number
  /** [hc_sinkhorn_iters] */
  readonly sinkhornIterations: number
  /** [hc_eps] */
  readonly streamEps: number
  /** [rms_norm_eps] */
  readonly normEps: number
  /** [bos_token_id] */
  readonly bosTokenId: number
  /** [eos_token_id] */
  readonly eosTokenId: number
}

const size = z.int().positive()
const positive = z.number().positive()

const schema = z.object({
  vocab_size: size,
  hidden_size: size,
  num_hidden_layers: size,
  num_attention_heads: size,
  num_key_value_heads: z.literal(1).default(1),
  head_dim: size,
  qk_rope_head_dim: size.multipleOf(2),
  q_lora_rank: size,
  o_groups: size,
  o_lora_rank: size,
  sliding_window: size,
  rope_theta: positive,
  compress_rope_theta: positive,
  rope_scaling: z.object({
    type: z.literal('yarn').optional(),
    rope_type: z.literal('yarn').optional(),
    factor: positive,
    original_max_position_embeddings: size,
    beta_fast: positive.default(32),
    beta_slow: positive.default(1)
  }).nullish(),
  max_position_embeddings: size,
  compress_ratios: z.array(z.int().nonnegative()),
  index_n_heads: size,
  index_head_dim: size,
  index_topk: size,
  n_routed_experts: size,
  num_experts_per_tok: size,
  moe_intermediate_size: size,
  n_shared_experts: z.literal(1).default(1),
  scoring_func: z.literal('sqrtsoftplus').default('sqrtsoftplus'),
  topk_method: z.literal('noaux_tc').default('noaux_tc'),
  norm_topk_prob: z.boolean().default(true),
  routed_scaling_factor: positive,
  swiglu_limit: positive.nullish(),
  num_hash_layers: z.int().nonnegative(),
  hc_mult: size,
  hc_sinkhorn_iters: size,
  hc_eps: positive,
  rms_norm_eps: positive,
  tie_word_embeddings: z.literal(false).default(false),
  bos_token_id: z.int().nonnegative().default(0),
  eos_token_id: z.int().nonnegative().default(1)
})

/**
 * Reads the text of a Hugging Face `config.json` of a V4 checkpoint.
 * @throws CheckpointError that names the key that is missing, malformed or out of line with the others
 */
export function readV4Config (text: string): V4Config {
  const keys = parseKeys(text)
  check(keys.compress_ratios.length >= keys.num_hidden_layers, 'compress_ratios', `has ${keys.compress_ratios.length} entries for ${keys.num_hidden_layers} layers`)
  check(keys.num_attention_heads % keys.o_groups === 0, 'o_groups', `${keys.o_groups} does not divide num_attention_heads ${keys.num_attention_heads}`)
  check(keys.qk_rope_head_dim <= Math.min(keys.head_dim, keys.index_head_dim), 'qk_rope_head_dim', `${keys.qk_rope_head_dim} exceeds head_dim or index_head_dim`)
  check(Number.isInteger(Math.log2(keys.index_head_dim)), 'index_head_dim', `${keys.index_head_dim} is not a power of two`)
  check(keys.num_experts_per_tok <= keys.n_routed_experts, 'num_experts_per_tok', `${keys.num_experts_per_tok} exceeds n_routed_experts ${keys.n_routed_experts}`)
  check(keys.num_hash_layers <= keys.num_hidden_layers, 'num_hash_layers', `${keys.num_hash_layers} exceeds num_hidden_layers ${keys.num_hidden_layers}`)
  const scaling = keys.rope_scaling
  return Object.freeze({
    vocabularySize: keys.vocab_size,
    hiddenSize: keys.hidden_size,
    layerCount: keys.num_hidden_layers,
    headCount: keys.num_attention_heads,
    headDim: keys.head_dim,
    ropeDim: keys.qk_rope_head_dim,
    queryRank: keys.q_lora_rank,
    outputGroups: keys.o_groups,
    outputRank: keys.o_lora_rank,
    window: keys.sliding_window,
    ropeTheta: keys.rope_theta,
    compressRopeTheta: keys.compress_rope_theta,
    yarn: scaling === undefined || scaling === null
      ? null
      : Object.freeze({ factor: scaling.factor, originalPositions: scaling.original_max_position_embeddings, betaFast: scaling.beta_fast, betaSlow: scaling.beta_slow }),
    maxPositions: keys.max_position_embeddings,
    compressRatios: Object.freeze(keys.compress_ratios.slice(0, keys.num_hidden_layers)),
    indexHeadCount: keys.index_n_heads,
    indexHeadDim: keys.index_head_dim,
    indexTopK: keys.index_topk,
    expertCount: keys.n_routed_experts,
    expertsPerToken: keys.num_experts_per_tok,
    expertWidth: keys.moe_intermediate_size,
    normaliseExpertWeights: keys.norm_topk_prob,
    routedScalingFactor: keys.routed_scaling_factor,
    swigluLimit: keys.swiglu_limit ?? Infinity,
    hashLayerCount: keys.num_hash_layers,
    streamCount: keys.hc_mult,
    sinkhornIterations: keys.hc_sinkhorn_iters,
    streamEps: keys.hc_eps,
    normEps: keys.rms_norm_eps,
    bosTokenId: keys.bos_token_id,
    eosTokenId: keys.eos_token_id
  })
}

/** What a layer with that compression ratio attends with: 4 is the ratio with overlap and indexer. */
export function attentionKindOf (ratio: number): AttentionKind {
  if (ratio === 0) return 'swa'
  return ratio === 4 ? 'csa' : 'hca'
}

function parseKeys (text: string): z.infer<typeof schema> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new CheckpointError('config.json is not JSON')
  }
  const outcome = schema.safeParse(value)
  if (outcome.success) return outcome.data
  throw new CheckpointError(outcome.error.issues.map(({ path, message }) => `config.json: ${path.join('.') || 'the file'}: ${message}`).join('; '))
}

function check (holds: boolean, key: string, complaint: string): void {
  if (!holds) throw new CheckpointError(`config.json: ${key}: ${complaint}`)
}
