/** Builds the forward pass of one rank from a checkpoint. */
import { type Checkpoint } from '../checkpoint/checkpoint.js'
import { type V4Config } from '../checkpoint/config.js'
import { loadMatrix } from '../checkpoint/load-weights.js'
import { Arena } from '../kernels/arena.js'
import { type Kernels } from '../kernels/kernels.js'
import { loadKernels } from '../kernels/load-kernels.js'
import { type Matrix } from '../kernels/matrix.js'
import { ReferenceKernels } from '../kernels/reference/reference-kernels.js'
import { layOutKv } from '../sequence/kv-layout.js'
import { type KvCapacity, KvStore } from '../sequence/kv-store.js'
import { type Exchange, soleExchange } from './exchange.js'
import { ForwardPass } from './forward-pass.js'
import { Head } from './head.js'
import { type LayerWeights } from './layer-weights.js'
import { type LoadTarget, loadHead, loadLayer } from './load-layer.js'
import { type Mode } from './mode.js'
import { type ArenaCosts, type ArenaPlan, planArenas } from './plan-arenas.js'
import { evenBounds, rowBounds } from './row-split.js'
import { Stage } from './stage.js'
import { type Arithmetic, Workspace } from './workspace.js'

export interface ModelSetting {
  readonly mode: Mode
  readonly arithmetic: Arithmetic
  /** Rows of one forward pass, 1 to 64. */
  readonly maxRows: number
  /** Longest sequence. */
  readonly contextTokens: number
  readonly capacity: KvCapacity
  readonly exchange: Exchange
  /** Default: the fastest that this runtime has. Only in f32. */
  readonly kernels?: Kernels['name']
  /** Bytes that one arena may hold. */
  readonly arenaBytes?: number
}

/** A rank that is alone, in exact mode; what tests and tools begin with. */
export const soleRank: Pick<ModelSetting, 'mode' | 'arithmetic' | 'exchange'> = {
  mode: 'exact', arithmetic: 'f32', exchange: soleExchange
}

/** Kernels align what they allocate, so the plan leaves a little over. */
const LARGEST_ARENA_BYTES = 0x1_0000_0000 - 0x100_0000

export async function loadModel (checkpoint: Checkpoint, setting: ModelSetting): Promise<ForwardPass> {
  const { config } = checkpoint
  const plans = planArenas(costsOf(checkpoint, setting), setting.arenaBytes ?? LARGEST_ARENA_BYTES)
  const loader = new Loader(checkpoint, setting)
  for (const plan of plans) await loader.load(plan)
  return new ForwardPass({ config, maxRows: setting.maxRows, ...loader.parts() })
}

class Loader {
  readonly #checkpoint: Checkpoint
  readonly #setting: ModelSetting
  readonly #stages: Stage[] = []
  #embedding: { arena: Arena, matrix: Matrix } | null = null
  #head: Head | null = null

  constructor (checkpoint: Checkpoint, setting: ModelSetting) {
    this.#checkpoint = checkpoint
    this.#setting = setting
  }

  async load (plan: ArenaPlan): Promise<void> {
    const { config } = this.#checkpoint
    const { maxRows, arithmetic, exchange } = this.#setting
    const arena = Arena.create()
    const workspace = new Workspace(arena, arithmetic)
    const kernels = kernelsOf(arena, this.#setting)
    const target: LoadTarget = { checkpoint: this.#checkpoint, workspace, rank: exchange.rank, rankCount: exchange.rankCount }
    if (plan.hasEmbedding) this.#embedding = { arena, matrix: await loadMatrix(this.#checkpoint, arena, 'embed.weight') }
    if (plan.layers.length > 0) this.#stages.push(await this.#loadStage(plan.layers, target, kernels))
    if (plan.hasHead) this.#head = new Head(config, kernels, workspace, exchange, await loadHead(target), maxRows)
  }

  parts (): { embedding: { arena: Arena, matrix: Matrix }, stages: Stage[], head: Head } {
    if (this.#embedding === null) throw new Error('no arena was planned for the embedding')
    if (this.#head === null) throw new Error('no arena was planned for the head')
    return { embedding: this.#embedding, stages: this.#stages, head: this.#head }
  }

  async #loadStage (layerIndices: readonly number[], target: LoadTarget, kernels: Kernels): Promise<Stage> {
    const layers = []
    for (const layer of layerIndices) layers.push(await loadLayer(target, layer))
    return buildStage(target.checkpoint.config, this.#setting, target.workspace, kernels, { indices: layerIndices, layers })
  }
}

interface StageContents {
  /** In the network, ascending. */
  readonly indices: readonly number[]
  readonly layers: readonly LayerWeights[]
}

function buildStage (config: V4Config, setting: ModelSetting, workspace: Workspace, kernels: Kernels, { indices, layers }: StageContents): Stage {
  return new Stage({
    config,
    kernels,
    workspace,
    kv: new KvStore(workspace, layOutKv(config, indices), setting.capacity),
    mode: setting.mode,
    maxRows: setting.maxRows,
    contextTokens: setting.contextTokens,
    exchange: setting.exchange,
    firstLayer: indices[0] ?? 0,
    layers
  })
}

/** f64 is only for comparing, so it has only the plain kernels. */
function kernelsOf (arena: Arena, { arithmetic, kernels }: ModelSetting): Kernels {
  return arithmetic === 'f64' ? new ReferenceKernels(arena, 8) : loadKernels(arena, kernels)
}

function costsOf (checkpoint: Checkpoint, setting: ModelSetting): ArenaCosts {
  const { config } = checkpoint
  const weights = weightBytes(checkpoint, setting.exchange)
  return {
    embedding: weights.get('embed') ?? 0,
    layers: config.compressRatios.map((_, layer) => (weights.get(`layers.${layer}`) ?? 0) + kvBytes(config, layer, setting)),
    stage: measure(setting, workspace => { buildStage(config, { ...setting, capacity: { slots: 0, blocks: 0, snapshots: 0 } }, workspace, kernelsOf(workspace.arena, setting), { indices: [], layers: [] }) }),
    head: (weights.get('head') ?? 0) + headScratchBytes(config, setting)
  }
}

/** Bytes of stored weights of a rank: `embed`, `head` (with what belongs to it) and each `layers.<i>`. */
function weightBytes ({ config, tensors }: Checkpoint, { rank, rankCount }: Exchange): Map<string, number> {
  const sums = new Map<string, number>()
  for (const { name, shape, byteLength } of tensors.values()) {
    const [, layer] = /^layers\.(\d+)\./.exec(name) ?? []
    const piece = layer !== undefined ? `layers.${layer}` : name.startsWith('embed') ? 'embed' : name.startsWith('mtp') ? 'drafter' : 'head'
    const rows = shape[0] ?? 1
    const bounds = rowBounds(config, name, rows, rankCount) ?? evenBounds(rows, 1)
    const own = rankCount === 1 ? rows : (bounds[rank + 1] ?? rows) - (bounds[rank] ?? 0)
    // Small tensors are widened, every tensor is aligned, and both ends of a range of rows may share a scale.
    const held = Math.min(byteLength, byteLength / rows * (Math.ceil(own) + 2))
    sums.set(piece, (sums.get(piece) ?? 0) + held * (byteLength < 65_536 ? 4 : 1) + 256)
  }
  return sums
}

function kvBytes (config: V4Config, layer: number, { capacity, arithmetic }: ModelSetting): number {
  const { slotFloats, blockFloats, snapshotFloats } = layOutKv(config, [layer])
  const floats = slotFloats * capacity.slots + blockFloats * capacity.blocks + snapshotFloats * capacity.snapshots
  return floats * (arithmetic === 'f32' ? 4 : 8)
}

function headScratchBytes (config: V4Config, { maxRows, arithmetic }: ModelSetting): number {
  const perRow = config.vocabularySize + (config.streamCount + 2) * (config.hiddenSize + config.streamCount)
  return maxRows * perRow * (arithmetic === 'f32' ? 4 : 8) + 4096
}

/** What `build` allocates, found out by doing it in an arena of its own: pages cost nothing until written. */
function measure ({ arithmetic }: ModelSetting, build: (workspace: Workspace) => void): number {
  const arena = Arena.create()
  build(new Workspace(arena, arithmetic))
  return arena.usedBytes
}
