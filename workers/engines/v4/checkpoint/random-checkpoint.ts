/**
 * A checkpoint of random weights in the formats of the releases (FP4 experts, FP8 linears, BF16 and F32 rest), with a
 * tokenizer of single bytes. Its text is noise; everything else about it is real. Used where no trained model is,
 * and wherever sizes matter more than words.
 */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type CheckpointInfo, type TensorType } from './checkpoint.js'
import { readV4Config, type V4Config } from './config.js'
import { expectedTensors, scaleNameOf, type TensorForm } from './inventory.js'
import { byteTokenizer, controlTokenTexts } from './byte-tokenizer.js'
import { RandomBytes } from './random-bytes.js'
import { type TensorSource, writeCheckpoint } from './write-checkpoint.js'

export interface RandomCheckpointOptions {
  readonly tier: 'pro' | 'flash'
  /** Default: the tier with `-noise` behind. */
  readonly name?: string
  readonly seed?: number
  /** Keys of config.json that differ from the tiny network of the tier. */
  readonly configKeys?: Readonly<Record<string, unknown>>
}

/** All kinds of layer, all kinds of routing, in about a megabyte. */
const commonKeys = {
  architectures: ['DeepseekV4ForCausalLM'],
  model_type: 'deepseek_v4',
  vocab_size: 256 + controlTokenTexts.length,
  num_hidden_layers: 4,
  num_attention_heads: 4,
  num_key_value_heads: 1,
  head_dim: 64,
  qk_rope_head_dim: 32,
  q_lora_rank: 64,
  o_groups: 2,
  o_lora_rank: 64,
  sliding_window: 128,
  rope_theta: 10_000,
  compress_rope_theta: 160_000,
  rope_scaling: { type: 'yarn', factor: 16, original_max_position_embeddings: 65_536, beta_fast: 32, beta_slow: 1 },
  max_position_embeddings: 16_384,
  compress_ratios: [0, 4, 128, 4],
  index_n_heads: 4,
  index_head_dim: 64,
  index_topk: 64,
  num_experts_per_tok: 2,
  moe_intermediate_size: 64,
  n_shared_experts: 1,
  scoring_func: 'sqrtsoftplus',
  topk_method: 'noaux_tc',
  norm_topk_prob: true,
  routed_scaling_factor: 1.5,
  swiglu_limit: 10,
  num_hash_layers: 1,
  hc_mult: 4,
  hc_sinkhorn_iters: 20,
  hc_eps: 1e-6,
  rms_norm_eps: 1e-6,
  tie_word_embeddings: false,
  bos_token_id: 0,
  eos_token_id: 1
}
const tierKeys = {
  flash: { hidden_size: 128, n_routed_experts: 8 },
  pro: { hidden_size: 256, n_routed_experts: 16 }
}

/** Writes config.json, model.safetensors, tokenizer.json and gearbox.json; the same seed gives the same bytes. */
export async function writeRandomCheckpoint (directory: string, options: RandomCheckpointOptions): Promise<CheckpointInfo> {
  const { tier, seed = 1, name = `${tier}-noise` } = options
  const configKeys = { ...commonKeys, ...tierKeys[tier], ...options.configKeys }
  const config = readV4Config(JSON.stringify(configKeys))
  const forms = expectedTensors(config).map(tensor => ({ name: tensor.name, form: tensor.forms[0] }))
  const params = forms.reduce((sum, { form }) => sum + (form === undefined || form.type === 'I64' ? 0 : weightCount(form)), 0)
  const info: CheckpointInfo = { name, tier, revision: `random-${seed}`, effortLadder: '0731', trained: false, params }
  await writeCheckpoint(directory, { configKeys, info, shards: [forms.flatMap(({ name, form }) => form === undefined ? [] : randomTensor(config, name, form, seed))] })
  await writeFile(join(directory, 'tokenizer.json'), `${JSON.stringify(byteTokenizer(config.vocabularySize), null, 1)}\n`)
  return info
}

function weightCount ({ type, shape }: TensorForm): number {
  return shape.reduce((product, axis) => product * axis, type === 'I8' ? 2 : 1)
}

/** The weight, and its scales when it has some. */
function randomTensor (config: V4Config, name: string, form: TensorForm, seed: number): TensorSource[] {
  const { type, shape, scaleShape } = form
  const source: TensorSource = { name, type, shape, bytes: () => randomValues(config, name, form, new RandomBytes(name, seed)) }
  if (scaleShape === undefined) return [source]
  const scaleCount = scaleShape.reduce((product, axis) => product * axis, 1)
  const code = scaleCodeFor(type, (shape[1] ?? 1) * (type === 'I8' ? 2 : 1))
  return [source, { name: scaleNameOf(name), type: 'F8_E8M0', shape: scaleShape, bytes: () => new Uint8Array(scaleCount).fill(code) }]
}

/** Root mean squares of the codes that `randomValues` writes. */
const codeSpread = { I8: 2.93, F8_E4M3: 0.98 }

/** The E8M0 code that makes a row of codes about as long as 1. */
function scaleCodeFor (type: TensorType, columns: number): number {
  const spread = type === 'I8' ? codeSpread.I8 : codeSpread.F8_E4M3
  return 127 + Math.round(Math.log2(columns ** -0.5 / spread))
}

function randomValues (config: V4Config, name: string, { type, shape }: TensorForm, random: RandomBytes): Uint8Array {
  const count = shape.reduce((product, axis) => product * axis, 1)
  switch (type) {
    case 'I8': return random.bytes(count)
    // A sign, and magnitudes from 0.5 to 1.875.
    case 'F8_E4M3': return random.bytes(count).map(byte => (byte & 0x80) | (0x30 + (byte & 0x0f)))
    case 'I64': return expertTable(config, random)
    case 'BF16': return bfloat16Bytes(floatsFor(name, shape, random))
    case 'F32': return new Uint8Array(floatsFor(name, shape, random).buffer)
    default: throw new RangeError(`no random values of type ${type}`)
  }
}

function floatsFor (name: string, shape: readonly number[], random: RandomBytes): Float32Array<ArrayBuffer> {
  const count = shape.reduce((product, axis) => product * axis, 1)
  const { middle, reach } = rangeOf(name, shape)
  return Float32Array.from({ length: count }, () => middle + reach * (2 * random.unit() - 1))
}

function rangeOf (name: string, shape: readonly number[]): { middle: number, reach: number } {
  if (name.endsWith('norm.weight')) return { middle: 1, reach: 0.1 }
  if (name.endsWith('_scale')) return { middle: 1, reach: 0.5 }
  if (name.endsWith('_base') || name.endsWith('.ape') || name.endsWith('attn_sink')) return { middle: 0, reach: 0.5 }
  if (name.endsWith('gate.bias')) return { middle: 0, reach: 0.1 }
  if (name === 'embed.weight') return { middle: 0, reach: 1 }
  return { middle: 0, reach: Math.sqrt(3 / (shape.at(-1) ?? 1)) }
}

function bfloat16Bytes (values: Float32Array<ArrayBuffer>): Uint8Array {
  const words = new Uint32Array(values.buffer)
  return new Uint8Array(Uint16Array.from(words, word => word >>> 16).buffer)
}

/** Distinct experts for every token. */
function expertTable ({ vocabularySize, expertsPerToken, expertCount }: V4Config, random: RandomBytes): Uint8Array {
  const table = new BigInt64Array(vocabularySize * expertsPerToken)
  for (let token = 0; token < vocabularySize; token++) {
    const first = Math.floor(random.unit() * expertCount)
    for (let i = 0; i < expertsPerToken; i++) table[token * expertsPerToken + i] = BigInt((first + i) % expertCount)
  }
  return new Uint8Array(table.buffer)
}
