import { blockWidth, groupWidth } from '../kernels/matrix.js'
import { type TensorLocation, type TensorType } from './checkpoint.js'
import { attentionKindOf, CheckpointError, type V4Config } from './config.js'

/** A tensor that a config calls for. */
export interface ExpectedTensor {
  readonly name: string
  /** Ways it may be stored. A quantised way has another shape and a `.scale` beside it. */
  readonly forms: readonly TensorForm[]
}

export interface TensorForm {
  readonly type: TensorType
  readonly shape: readonly number[]
  /** Shape of the F8_E8M0 tensor `<name without .weight>.scale`; absent when there is none. */
  readonly scaleShape?: readonly number[]
}

const drafterPrefix = /^mtp\.\d+\./

/** Whether a tensor belongs to the drafter (MTP or DSpark), which the engine does not read. */
export function isDrafterTensor (name: string): boolean {
  return drafterPrefix.test(name)
}

/** Every backbone tensor of a config (V4 section 8.2), `.scale` tensors not listed. */
export function expectedTensors (config: V4Config): ExpectedTensor[] {
  const { vocabularySize: vocabulary, hiddenSize: hidden, streamCount: streams } = config
  return [
    plain('embed.weight', vocabulary, hidden),
    plain('head.weight', vocabulary, hidden),
    plain('norm.weight', hidden),
    float('hc_head_fn', streams, streams * hidden),
    float('hc_head_base', streams),
    float('hc_head_scale', 1),
    ...config.compressRatios.flatMap((ratio, layer) => layerTensors(config, ratio, layer))
  ]
}

function layerTensors (config: V4Config, ratio: number, layer: number): ExpectedTensor[] {
  const { hiddenSize: hidden, streamCount: streams } = config
  const prefix = `layers.${layer}.`
  const mixes = (2 + streams) * streams
  return [
    plain(`${prefix}attn_norm.weight`, hidden),
    plain(`${prefix}ffn_norm.weight`, hidden),
    ...['hc_attn', 'hc_ffn'].flatMap(site => [
      float(`${prefix}${site}_fn`, mixes, streams * hidden),
      float(`${prefix}${site}_base`, mixes),
      float(`${prefix}${site}_scale`, 3)
    ]),
    ...attentionTensors(config, ratio, `${prefix}attn.`),
    ...expertTensors(config, layer, `${prefix}ffn.`)
  ]
}

function attentionTensors (config: V4Config, ratio: number, prefix: string): ExpectedTensor[] {
  const { hiddenSize: hidden, headCount, headDim, queryRank, outputGroups, outputRank, indexHeadCount, indexHeadDim } = config
  const kind = attentionKindOf(ratio)
  return [
    linear(`${prefix}wq_a.weight`, queryRank, hidden),
    plain(`${prefix}q_norm.weight`, queryRank),
    linear(`${prefix}wq_b.weight`, headCount * headDim, queryRank),
    linear(`${prefix}wkv.weight`, headDim, hidden),
    plain(`${prefix}kv_norm.weight`, headDim),
    float(`${prefix}attn_sink`, headCount),
    linear(`${prefix}wo_a.weight`, outputGroups * outputRank, headCount * headDim / outputGroups),
    linear(`${prefix}wo_b.weight`, hidden, outputGroups * outputRank),
    ...(kind === 'swa' ? [] : compressorTensors(`${prefix}compressor.`, hidden, headDim, ratio)),
    ...(kind === 'csa'
      ? [
          linear(`${prefix}indexer.wq_b.weight`, indexHeadCount * indexHeadDim, queryRank),
          plain(`${prefix}indexer.weights_proj.weight`, indexHeadCount, hidden),
          ...compressorTensors(`${prefix}indexer.compressor.`, hidden, indexHeadDim, ratio)
        ]
      : [])
  ]
}

/** Channels of the two halves of an overlapping compressor lie side by side, hence twice the width. */
function compressorTensors (prefix: string, hidden: number, width: number, ratio: number): ExpectedTensor[] {
  const channels = attentionKindOf(ratio) === 'csa' ? 2 * width : width
  return [
    float(`${prefix}ape`, ratio, channels),
    plain(`${prefix}wkv.weight`, channels, hidden),
    plain(`${prefix}wgate.weight`, channels, hidden),
    plain(`${prefix}norm.weight`, width)
  ]
}

function expertTensors (config: V4Config, layer: number, prefix: string): ExpectedTensor[] {
  const { vocabularySize, hiddenSize: hidden, expertCount, expertsPerToken, expertWidth: width } = config
  const experts = Array.from({ length: expertCount }, (_, expert) => `${prefix}experts.${expert}.`)
  return [
    plain(`${prefix}gate.weight`, expertCount, hidden),
    layer < config.hashLayerCount
      ? { name: `${prefix}gate.tid2eid`, forms: [{ type: 'I64', shape: [vocabularySize, expertsPerToken] }, { type: 'I32', shape: [vocabularySize, expertsPerToken] }] }
      : float(`${prefix}gate.bias`, expertCount),
    ...feedForward(linear, `${prefix}shared_experts.`, hidden, width),
    ...experts.flatMap(expert => feedForward(expertLinear, expert, hidden, width))
  ]
}

function feedForward (form: typeof linear, prefix: string, hidden: number, width: number): ExpectedTensor[] {
  return [form(`${prefix}w1.weight`, width, hidden), form(`${prefix}w3.weight`, width, hidden), form(`${prefix}w2.weight`, hidden, width)]
}

/** The releases keep these wide; a checkpoint that was cast as a whole has them in BF16. */
function float (name: string, ...shape: number[]): ExpectedTensor {
  return { name, forms: [{ type: 'F32', shape }, { type: 'BF16', shape }] }
}

function plain (name: string, ...shape: number[]): ExpectedTensor {
  return { name, forms: [{ type: 'BF16', shape }, { type: 'F32', shape }] }
}

function linear (name: string, rows: number, columns: number): ExpectedTensor {
  const scaleShape = [Math.ceil(rows / blockWidth), Math.ceil(columns / blockWidth)]
  return { name, forms: [{ type: 'F8_E4M3', shape: [rows, columns], scaleShape }, ...plain(name, rows, columns).forms] }
}

/** A routed expert may be FP4 (the releases), FP8 (the Base checkpoints) or wide. */
function expertLinear (name: string, rows: number, columns: number): ExpectedTensor {
  const wide = linear(name, rows, columns).forms
  if (columns % groupWidth !== 0) return { name, forms: wide }
  const packed = { shape: [rows, columns / 2], scaleShape: [rows, columns / groupWidth] }
  return { name, forms: [{ type: 'I8', ...packed }, { type: 'U8', ...packed }, ...wide] }
}

/** The name of the scales that go with a quantised weight. */
export function scaleNameOf (weightName: string): string {
  return weightName.replace(/\.weight$/, '.scale')
}

/**
 * Compares the tensors of a checkpoint with what its config calls for.
 * @throws CheckpointError that names the tensors that are missing, unknown, or of another shape or type
 */
export function assertInventory (config: V4Config, tensors: ReadonlyMap<string, TensorLocation>): void {
  const known = new Set<string>()
  const complaints: string[] = []
  for (const { name, forms } of expectedTensors(config)) {
    known.add(name)
    const tensor = tensors.get(name)
    if (tensor === undefined) {
      complaints.push(`${name} is missing`)
      continue
    }
    const form = forms.find(({ type, shape }) => type === tensor.type && sameShape(shape, tensor.shape))
    if (form === undefined) {
      complaints.push(`${name} is ${describe(tensor)}, expected ${forms.map(describe).join(' or ')}`)
    } else if (form.scaleShape !== undefined) {
      const scaleName = scaleNameOf(name)
      known.add(scaleName)
      complaints.push(...complainAboutScale(tensors.get(scaleName), scaleName, form.scaleShape))
    }
  }
  for (const name of tensors.keys()) {
    if (!known.has(name) && !isDrafterTensor(name)) complaints.push(`${name} is not part of this network`)
  }
  if (complaints.length > 0) throw new CheckpointError(summarise(complaints))
}

function complainAboutScale (scale: TensorLocation | undefined, name: string, shape: readonly number[]): string[] {
  if (scale === undefined) return [`${name} is missing`]
  const type = 'F8_E8M0'
  return scale.type === type && sameShape(scale.shape, shape) ? [] : [`${name} is ${describe(scale)}, expected ${describe({ type, shape })}`]
}

function describe ({ type, shape }: { type: TensorType, shape: readonly number[] }): string {
  return `${type} [${shape.join(', ')}]`
}

function sameShape (a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((axis, i) => axis === b[i])
}

/** A wrong config makes thousands of complaints; the first few tell the story. */
function summarise (complaints: readonly string[]): string {
  const shown = complaints.slice(0, 5).join('; ')
  return complaints.length > 5 ? `${shown}; and ${complaints.length - 5} more` : shown
}
