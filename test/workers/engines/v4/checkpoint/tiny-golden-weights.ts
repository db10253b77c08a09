import { type TensorSource } from '../../../../../workers/engines/v4/checkpoint/write-checkpoint.js'
import { expectedTensors } from '../../../../../workers/engines/v4/checkpoint/inventory.js'
import { readV4Config } from '../../../../../workers/engines/v4/checkpoint/config.js'
import { writeCheckpoint } from '../../../../../workers/engines/v4/checkpoint/write-checkpoint.js'

/** `config.json` of the tiny golden network (V4 specification, section 15). */
export const tinyGoldenConfigKeys = {
  model_type: 'deepseek_v4',
  vocab_size: 32,
  hidden_size: 64,
  num_hidden_layers: 4,
  num_attention_heads: 4,
  num_key_value_heads: 1,
  head_dim: 72,
  qk_rope_head_dim: 8,
  q_lora_rank: 16,
  o_groups: 2,
  o_lora_rank: 8,
  sliding_window: 8,
  rope_theta: 10000,
  compress_rope_theta: 40000,
  rope_scaling: { type: 'yarn', factor: 4, original_max_position_embeddings: 64, beta_fast: 32, beta_slow: 1 },
  max_position_embeddings: 256,
  compress_ratios: [0, 4, 16, 4, 0],
  index_n_heads: 16,
  index_head_dim: 32,
  index_topk: 3,
  n_routed_experts: 8,
  num_experts_per_tok: 2,
  moe_intermediate_size: 32,
  n_shared_experts: 1,
  scoring_func: 'sqrtsoftplus',
  topk_method: 'noaux_tc',
  norm_topk_prob: true,
  routed_scaling_factor: 1.5,
  swiglu_limit: 1,
  num_hash_layers: 1,
  hc_mult: 4,
  hc_sinkhorn_iters: 20,
  hc_eps: 1e-6,
  rms_norm_eps: 1e-6,
  tie_word_embeddings: false,
  bos_token_id: 0,
  eos_token_id: 1
}

const mask = (1n << 64n) - 1n

function seedOf (name: string): bigint {
  let hash = 0xcbf29ce484222325n
  for (const byte of Buffer.from(name)) hash = ((hash ^ BigInt(byte)) * 0x100000001b3n) & mask
  return hash
}

/** u(name, i) for i < count: FNV-1a-64 of the name, then splitmix64; uniform in [0, 1). */
export function uniformNumbers (name: string, count: number): Float64Array {
  let state = seedOf(name)
  return Float64Array.from({ length: count }, () => {
    state = (state + 0x9e3779b97f4a7c15n) & mask
    let z = state
    z = ((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n) & mask
    z = ((z ^ (z >> 27n)) * 0x94d049bb133111ebn) & mask
    return Number((z ^ (z >> 31n)) >> 11n) / 2 ** 53
  })
}

/** The float64 weights of one tensor (expert indices for `tid2eid`, which has two experts a token), row-major. */
export function tinyGoldenValues (name: string, shape: readonly number[], experts = tinyGoldenConfigKeys.n_routed_experts): Float64Array {
  const u = uniformNumbers(name, shape.reduce((a, b) => a * b, 1))
  if (name.endsWith('tid2eid')) return expertPairs(u, experts)
  return u.map(scalingOf(name, shape))
}

function scalingOf (name: string, shape: readonly number[]): (u: number) => number {
  if (name === 'embed.weight' || name.endsWith('attn_sink')) return u => 2 * u - 1
  if (name.endsWith('norm.weight')) return u => 1 + 0.1 * (2 * u - 1)
  if (name.endsWith('.ape') || name.endsWith('_base')) return u => 0.5 * (2 * u - 1)
  if (name.endsWith('_scale')) return u => 0.5 + u
  if (name.endsWith('gate.bias')) return u => 0.1 * (2 * u - 1)
  const reach = Math.sqrt(3 / (shape.at(-1) ?? 1))
  return u => (2 * u - 1) * reach
}

function expertPairs (u: Float64Array, experts: number): Float64Array {
  return u.map((value, i) => {
    const first = Math.floor((u[i - i % 2] ?? 0) * experts)
    return i % 2 === 0 ? first : (first + 1 + Math.floor(value * (experts - 1))) % experts
  })
}

/** Every tensor of the tiny golden network, wide (F32, and an I64 table); other sizes by overriding config keys. */
export function tinyGoldenTensors (overrides: Record<string, unknown> = {}): TensorSource[] {
  const config = readV4Config(JSON.stringify({ ...tinyGoldenConfigKeys, ...overrides }))
  return expectedTensors(config).map(({ name, forms }) => {
    const { type, shape } = forms.find(form => form.type === 'F32' || form.type === 'I64') ?? { type: 'F32', shape: [] }
    return {
      name,
      type,
      shape,
      bytes () {
        const values = tinyGoldenValues(name, shape, config.expertCount)
        return new Uint8Array(type === 'I64' ? BigInt64Array.from(values, BigInt).buffer : Float32Array.from(values).buffer)
      }
    }
  })
}

/** Writes the tiny golden network, or one of other sizes made the same way, as a checkpoint. */
export async function writeTinyGolden (directory: string, overrides: Record<string, unknown> = {}): Promise<void> {
  await writeCheckpoint(directory, { configKeys: { ...tinyGoldenConfigKeys, ...overrides }, shards: [tinyGoldenTensors(overrides)] })
}
