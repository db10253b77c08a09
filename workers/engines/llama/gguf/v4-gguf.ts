/**
 * A V4 checkpoint in the official layout as a GGUF file of architecture `deepseek4`, which llama.cpp reads
 * (V4 architecture, section 8.5). Used to serve the same weights by llama.cpp and to check our engine against it.
 *
 * `weights: 'f32'` widens everything, so that no rounding of the file stands between the two engines. `'packed'` keeps
 * FP4 experts as MXFP4 (lossless) and stores the other matrices as Q8_0, what llama.cpp's users run.
 */
import type { Checkpoint } from '../../v4/checkpoint/checkpoint.js'
import { expandTensor } from './expand-tensor.js'
import { writeGguf, type GgufTensor, type GgufTensorType } from './gguf-file.js'
import { readVocabularyKeys } from './vocabulary-keys.js'
import { modelKeys } from './model-keys.js'
import { quantiseQ8, repackFp4 } from './repack.js'

export interface V4GgufOptions {
  /** Text of the checkpoint's tokenizer.json; null writes a vocabulary of made-up names (for tests on token ids). */
  tokenizerJson: string | null
  weights: 'f32' | 'packed'
}

export async function writeV4Gguf (checkpoint: Checkpoint, path: string, options: V4GgufOptions): Promise<void> {
  const keys = new Map([...modelKeys(checkpoint), ...readVocabularyKeys(options.tokenizerJson, checkpoint.config)])
  await writeGguf(path, keys, listTensors(checkpoint, options.weights))
}

/** GGUF name of each native name, `%` standing for the layer; experts are stacked separately. */
const layerNames: ReadonlyMap<string, string> = new Map(Object.entries({
  'attn_norm.weight': 'attn_norm.weight',
  'ffn_norm.weight': 'ffn_norm.weight',
  hc_attn_fn: 'hc_attn_fn.weight',
  hc_attn_base: 'hc_attn_base.weight',
  hc_attn_scale: 'hc_attn_scale.weight',
  hc_ffn_fn: 'hc_ffn_fn.weight',
  hc_ffn_base: 'hc_ffn_base.weight',
  hc_ffn_scale: 'hc_ffn_scale.weight',
  'attn.wq_a.weight': 'attn_q_a.weight',
  'attn.q_norm.weight': 'attn_q_a_norm.weight',
  'attn.wq_b.weight': 'attn_q_b.weight',
  'attn.wkv.weight': 'attn_kv.weight',
  'attn.kv_norm.weight': 'attn_kv_a_norm.weight',
  'attn.attn_sink': 'attn_sinks.weight',
  'attn.wo_a.weight': 'attn_output_a.weight',
  'attn.wo_b.weight': 'attn_output_b.weight',
  'attn.compressor.ape': 'attn_compressor_ape.weight',
  'attn.compressor.wkv.weight': 'attn_compressor_kv.weight',
  'attn.compressor.wgate.weight': 'attn_compressor_gate.weight',
  'attn.compressor.norm.weight': 'attn_compressor_norm.weight',
  'attn.indexer.wq_b.weight': 'indexer.attn_q_b.weight',
  'attn.indexer.weights_proj.weight': 'indexer.proj.weight',
  'attn.indexer.compressor.ape': 'indexer_compressor_ape.weight',
  'attn.indexer.compressor.wkv.weight': 'indexer_compressor_kv.weight',
  'attn.indexer.compressor.wgate.weight': 'indexer_compressor_gate.weight',
  'attn.indexer.compressor.norm.weight': 'indexer_compressor_norm.weight',
  'ffn.gate.weight': 'ffn_gate_inp.weight',
  'ffn.gate.bias': 'exp_probs_b.bias',
  'ffn.gate.tid2eid': 'ffn_gate_tid2eid.weight',
  'ffn.shared_experts.w1.weight': 'ffn_gate_shexp.weight',
  'ffn.shared_experts.w2.weight': 'ffn_down_shexp.weight',
  'ffn.shared_experts.w3.weight': 'ffn_up_shexp.weight'
}))

const topNames: ReadonlyMap<string, string> = new Map(Object.entries({
  'embed.weight': 'token_embd.weight',
  'head.weight': 'output.weight',
  'norm.weight': 'output_norm.weight',
  hc_head_fn: 'output_hc_fn.weight',
  hc_head_base: 'output_hc_base.weight',
  hc_head_scale: 'output_hc_scale.weight'
}))

const expertNames = { w1: 'ffn_gate_exps.weight', w2: 'ffn_down_exps.weight', w3: 'ffn_up_exps.weight' } as const

/** Small or delicate tensors that stay f32 in the packed form too: llama.cpp wants several of them so. */
const staysWide = /norm|hc_|sink|ape|bias|gate\.weight|compressor|weights_proj/

function listTensors (checkpoint: Checkpoint, weights: V4GgufOptions['weights']): GgufTensor[] {
  const { config } = checkpoint
  const single = (native: string, name: string): GgufTensor => {
    const location = checkpoint.tensors.get(native)
    if (location === undefined) throw new Error(`the checkpoint has no tensor ${native}`)
    if (native.endsWith('tid2eid')) {
      return { name, shape: location.shape, type: 'i32', data: async () => bytesOf(Int32Array.from(await expandTensor(checkpoint, native))) }
    }
    const isWide = weights === 'f32' || staysWide.test(native) || location.shape.length < 2
    const type: GgufTensorType = isWide ? 'f32' : 'q8_0'
    return {
      name,
      shape: location.shape,
      type,
      data: async () => {
        const values = await expandTensor(checkpoint, native)
        return isWide ? bytesOf(values) : quantiseQ8(values)
      }
    }
  }
  const tensors = [...topNames].map(([native, name]) => single(native, name))
  for (let layer = 0; layer < config.layerCount; layer++) {
    for (const [native, name] of layerNames) {
      const full = `layers.${layer}.${native}`
      if (checkpoint.tensors.has(full)) tensors.push(single(full, `blk.${layer}.${name}`))
    }
    for (const [native, name] of Object.entries(expertNames)) tensors.push(stackExperts(checkpoint, layer, native, `blk.${layer}.${name}`, weights))
  }
  return tensors
}

function stackExperts (checkpoint: Checkpoint, layer: number, native: string, name: string, weights: V4GgufOptions['weights']): GgufTensor {
  const { expertCount, expertWidth, hiddenSize } = checkpoint.config
  const shape = native === 'w2' ? [expertCount, hiddenSize, expertWidth] : [expertCount, expertWidth, hiddenSize]
  const sources = Array.from({ length: expertCount }, (_, expert) => `layers.${layer}.ffn.experts.${expert}.${native}`)
  const isPacked = weights === 'packed' && sources.every(source => checkpoint.tensors.has(`${source}.scale`))
  return {
    name,
    shape,
    type: isPacked ? 'mxfp4' : 'f32',
    data: async () => {
      const parts: Uint8Array[] = []
      for (const source of sources) {
        parts.push(isPacked
          ? repackFp4(await readWhole(checkpoint, `${source}.weight`), await readWhole(checkpoint, `${source}.scale`))
          : bytesOf(await expandTensor(checkpoint, `${source}.weight`)))
      }
      return Buffer.concat(parts)
    }
  }
}

async function readWhole (checkpoint: Checkpoint, name: string): Promise<Uint8Array> {
  const bytes = new Uint8Array(checkpoint.tensors.get(name)?.byteLength ?? 0)
  await checkpoint.read(name, bytes)
  return bytes
}

function bytesOf (values: Float32Array | Int32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
}
