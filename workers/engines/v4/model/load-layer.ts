/** Reads the weights of one layer, or of the head, into an arena. */
import { type Checkpoint } from '../checkpoint/checkpoint.js'
import { CheckpointError, attentionKindOf } from '../checkpoint/config.js'
import { loadExpertTable, loadMatrix, loadPieces } from '../checkpoint/load-weights.js'
import { expandBfloat16 } from '../numerics/bfloat16.js'
import { type AttentionWeights, type CompressorWeights, type ExpertsWeights, type ExpertWeights, type HeadWeights, type LayerWeights, type SplitMatrix, type StreamWeights } from './layer-weights.js'
import { rowBounds } from './row-split.js'
import { type Region, type Workspace } from './workspace.js'

/** Where the weights come from, where they go, and whose share they are. */
export interface LoadTarget {
  readonly checkpoint: Checkpoint
  readonly workspace: Workspace
  readonly rank: number
  readonly rankCount: number
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
    output: await loadSplit(target, 'head.weight')
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
    queryDown: await loadSplit(target, `${prefix}wq_a.weight`),
    queryNorm: await loadRegion(target, `${prefix}q_norm.weight`),
    queryUp: await loadSplit(target, `${prefix}wq_b.weight`),
    keyValue: await loadSplit(target, `${prefix}wkv.weight`),
    keyValueNorm: await loadRegion(target, `${prefix}kv_norm.weight`),
    sinks: await loadRegion(target, `${prefix}attn_sink`),
    outputDown: await loadSplit(target, `${prefix}wo_a.weight`, checkpoint.config.outputGroups),
    outputUp: await loadSplit(target, `${prefix}wo_b.weight`),
    compressor: kind === 'swa' ? null : await loadCompressor(target, `${prefix}compressor`),
    indexer: kind === 'csa'
      ? {
          queries: await loadSplit(target, `${prefix}indexer.wq_b.weight`),
          headWeights: await loadMatrix(checkpoint, arena, `${prefix}indexer.weights_proj.weight`),
          compressor: await loadCompressor(target, `${prefix}indexer.compressor`)
        }
      : null
  }
}

async function loadCompressor (target: LoadTarget, prefix: string): Promise<CompressorWeights> {
  const { checkpoint } = target
  return {
    keys: await loadSplit(target, `${prefix}.wkv.weight`),
    gates: await loadSplit(target, `${prefix}.wgate.weight`),
    positionBias: await readValues(checkpoint, `${prefix}.ape`),
    norm: await loadRegion(target, `${prefix}.norm.weight`)
  }
}

async function loadExperts (target: LoadTarget, layer: number): Promise<ExpertsWeights> {
  const { checkpoint, workspace } = target
  const prefix = `layers.${layer}.ffn.`
  const isHashed = layer < checkpoint.config.hashLayerCount
  const experts: ExpertWeights[] = []
  for (let expert = 0; expert < checkpoint.config.expertCount; expert++) experts.push(await loadExpert(target, `${prefix}experts.${expert}`))
  return {
    router: await loadMatrix(checkpoint, workspace.arena, `${prefix}gate.weight`),
    expertsOfToken: isHashed ? await loadExpertTable(checkpoint, `${prefix}gate.tid2eid`) : null,
    selectionBias: isHashed ? null : await readValues(checkpoint, `${prefix}gate.bias`),
    experts,
    shared: await loadExpert(target, `${prefix}shared_experts`)
  }
}

async function loadExpert (target: LoadTarget, prefix: string): Promise<ExpertWeights> {
  return {
    gate: await loadSplit(target, `${prefix}.w1.weight`),
    up: await loadSplit(target, `${prefix}.w3.weight`),
    down: await loadSplit(target, `${prefix}.w2.weight`)
  }
}

/** This rank's rows of a matrix. @param groups pieces are cut so that none reaches over the end of an equal part */
async function loadSplit ({ checkpoint, workspace, rank, rankCount }: LoadTarget, name: string, groups = 0): Promise<SplitMatrix> {
  const rows = checkpoint.tensors.get(name)?.shape[0] ?? 0
  const bounds = rowBounds(checkpoint.config, name, rows, rankCount)
  if (bounds === null) throw new RangeError(`${name} is not spread over ranks`)
  const range = { begin: bounds[rank] ?? 0, end: bounds[rank + 1] ?? 0 }
  return { pieces: await loadPieces(checkpoint, workspace.arena, name, range, groups === 0 ? Infinity : rows / groups), rows, bounds }
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
