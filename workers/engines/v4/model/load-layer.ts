/** Reads the weights of one layer, or of the head, into an arena. */
import { type Checkpoint } from '../checkpoint/checkpoint.js'
import { CheckpointError, attentionKindOf } from '../checkpoint/config.js'
import { loadExpertTable, loadMatrix } from '../checkpoint/load-weights.js'
import { blockWidth, type Matrix, rowBytes } from '../kernels/matrix.js'
import { expandBfloat16 } from '../numerics/bfloat16.js'
import { type AttentionWeights, type CompressorWeights, type ExpertsWeights, type ExpertWeights, type GroupMatrix, type HeadWeights, type LayerWeights, type StreamWeights } from './layer-weights.js'
import { type Region, type Workspace } from './workspace.js'

/** Where the weights come from, where they go, and this rank's experts [begin, end). */
export interface LoadTarget {
  readonly checkpoint: Checkpoint
  readonly workspace: Workspace
  readonly expertRange: { readonly begin: number, readonly end: number }
}

export async function loadLayer (target: LoadTarget, layer: number): Promise<LayerWeights> {
  const prefix = `layers.${layer}.`
  return {
    attentionStreams: await loadStreams(target, `${prefix}hc_attn`),
    attentionNorm: await loadRegion(target, `${prefix}attn_norm.weight`),
    attention: await loadAttention(target, layer),
    expertStreams: await loadStreams(target, `${prefix}hc_ffn`),
    expertNorm: await loadRegion(target, `${prefix}ffn_norm.weight`),
    experts: await loadExperts(target, layer)
  }
}

export async function loadHead (target: LoadTarget): Promise<HeadWeights> {
  return {
    streams: await loadStreams(target, 'hc_head'),
    norm: await loadRegion(target, 'norm.weight'),
    output: await loadMatrix(target.checkpoint, target.workspace.arena, 'head.weight')
  }
}

async function loadStreams (target: LoadTarget, prefix: string): Promise<StreamWeights> {
  return {
    mix: await loadMatrix(target.checkpoint, target.workspace.arena, `${prefix}_fn`),
    base: await loadRegion(target, `${prefix}_base`),
    scale: await loadRegion(target, `${prefix}_scale`)
  }
}

async function loadAttention (target: LoadTarget, layer: number): Promise<AttentionWeights> {
  const { checkpoint, workspace: { arena } } = target
  const prefix = `layers.${layer}.attn.`
  const kind = attentionKindOf(checkpoint.config.compressRatios[layer] ?? 0)
  return {
    queryDown: await loadMatrix(checkpoint, arena, `${prefix}wq_a.weight`),
    queryNorm: await loadRegion(target, `${prefix}q_norm.weight`),
    queryUp: await loadMatrix(checkpoint, arena, `${prefix}wq_b.weight`),
    keyValue: await loadMatrix(checkpoint, arena, `${prefix}wkv.weight`),
    keyValueNorm: await loadRegion(target, `${prefix}kv_norm.weight`),
    sinks: await loadRegion(target, `${prefix}attn_sink`),
    outputDown: groupMatrices(await loadMatrix(checkpoint, arena, `${prefix}wo_a.weight`), checkpoint.config.outputGroups),
    outputUp: await loadMatrix(checkpoint, arena, `${prefix}wo_b.weight`),
    compressor: kind === 'swa' ? null : await loadCompressor(target, `${prefix}compressor`),
    indexer: kind === 'csa'
      ? {
          queries: await loadMatrix(checkpoint, arena, `${prefix}indexer.wq_b.weight`),
          headWeights: await loadMatrix(checkpoint, arena, `${prefix}indexer.weights_proj.weight`),
          compressor: await loadCompressor(target, `${prefix}indexer.compressor`)
        }
      : null
  }
}

async function loadCompressor (target: LoadTarget, prefix: string): Promise<CompressorWeights> {
  const { checkpoint, workspace: { arena } } = target
  return {
    keys: await loadMatrix(checkpoint, arena, `${prefix}.wkv.weight`),
    gates: await loadMatrix(checkpoint, arena, `${prefix}.wgate.weight`),
    positionBias: await readValues(checkpoint, `${prefix}.ape`),
    norm: await loadRegion(target, `${prefix}.norm.weight`)
  }
}

async function loadExperts (target: LoadTarget, layer: number): Promise<ExpertsWeights> {
  const { checkpoint, workspace, expertRange: { begin, end } } = target
  const prefix = `layers.${layer}.ffn.`
  const isHashed = layer < checkpoint.config.hashLayerCount
  const experts: ExpertWeights[] = []
  for (let expert = begin; expert < end; expert++) experts.push(await loadExpert(target, `${prefix}experts.${expert}`))
  return {
    router: await loadMatrix(checkpoint, workspace.arena, `${prefix}gate.weight`),
    expertsOfToken: isHashed ? await loadExpertTable(checkpoint, `${prefix}gate.tid2eid`) : null,
    selectionBias: isHashed ? null : await readValues(checkpoint, `${prefix}gate.bias`),
    firstExpert: begin,
    experts,
    shared: await loadExpert(target, `${prefix}shared_experts`)
  }
}

async function loadExpert ({ checkpoint, workspace: { arena } }: LoadTarget, prefix: string): Promise<ExpertWeights> {
  return {
    gate: await loadMatrix(checkpoint, arena, `${prefix}.w1.weight`),
    up: await loadMatrix(checkpoint, arena, `${prefix}.w3.weight`),
    down: await loadMatrix(checkpoint, arena, `${prefix}.w2.weight`)
  }
}

/**
 * The rows of the output projection that read each group of heads. An FP8 slice must lie in whole scale blocks or inside
 * one, so a group that begins within a block is cut where the block ends.
 */
function groupMatrices (matrix: Matrix, groups: number): GroupMatrix[] {
  const rowsOfGroup = matrix.rows / groups
  const pieces: GroupMatrix[] = []
  for (let group = 0; group < groups; group++) {
    const end = (group + 1) * rowsOfGroup
    for (let row = group * rowsOfGroup; row < end;) {
      const isWithinBlock = matrix.format === 'fp8' && row % blockWidth !== 0
      const next = isWithinBlock ? Math.min(end, Math.ceil(row / blockWidth) * blockWidth) : end
      pieces.push({ matrix: rowsOf(matrix, row, next), group, firstRow: row })
      row = next
    }
  }
  return pieces
}

function rowsOf (matrix: Matrix, begin: number, end: number): Matrix {
  const blockRow = matrix.format === 'fp8' ? Math.floor(begin / blockWidth) * Math.ceil(matrix.columns / blockWidth) : 0
  return {
    ...matrix,
    rows: end - begin,
    weights: matrix.weights + begin * rowBytes(matrix.format, matrix.columns),
    scales: matrix.scales + blockRow
  }
}

async function loadRegion (target: LoadTarget, name: string): Promise<Region> {
  const values = await readValues(target.checkpoint, name)
  const region = target.workspace.floats(values.length)
  region.values.set(values)
  return region
}

/** A small BF16 or F32 tensor, widened. */
async function readValues (checkpoint: Checkpoint, name: string): Promise<Float64Array> {
  const tensor = checkpoint.tensors.get(name)
  if (tensor === undefined) throw new CheckpointError(`the checkpoint has no tensor ${name}`)
  const bytes = new Uint8Array(tensor.byteLength)
  await checkpoint.read(name, bytes)
  if (tensor.type === 'F32') return Float64Array.from(new Float32Array(bytes.buffer))
  if (tensor.type !== 'BF16') throw new CheckpointError(`${name} is ${tensor.type}, not BF16 or F32`)
  const values = new Float64Array(bytes.length / 2)
  expandBfloat16(bytes, values)
  return values
}
