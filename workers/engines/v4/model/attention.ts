/** The attention sublayer: latent queries, one shared key-value head, window and compressed entries (V4 section 4). */
import { type V4Config } from '../checkpoint/config.js'
import { type AttendArguments, type Kernels } from '../kernels/kernels.js'
import { fakeQuantiseFp8 } from '../numerics/fake-quantise.js'
import { type CompressorPlace, type LayerPlace } from '../sequence/kv-layout.js'
import { type KvStore } from '../sequence/kv-store.js'
import { Compressor } from './compressor.js'
import { Indexer } from './indexer.js'
import { type AttentionWeights, type IndexerWeights } from './layer-weights.js'
import { type Mode } from './mode.js'
import { RotaryTable, rotaryFrequencies } from './rope.js'
import { type Step, type StepSlice } from './step.js'
import { type OffsetList, type Region, type Workspace } from './workspace.js'

const KEY_VALUE_GROUP = 64

export interface AttentionSetting {
  readonly config: V4Config
  readonly kernels: Kernels
  readonly workspace: Workspace
  readonly kv: KvStore
  readonly mode: Mode
  readonly maxRows: number
  /** Longest sequence that can come. */
  readonly contextTokens: number
}

export class Attention {
  /** Sees the entries that the indexer chose, for tests. */
  onPick: ((row: number, picks: Int32Array) => void) | null = null
  readonly #setting: AttentionSetting
  readonly #compressor: Compressor
  readonly #indexCompressor: Compressor
  readonly #indexer: Indexer
  readonly #queryLatent: Region
  readonly #queries: Region
  readonly #keys: Region
  readonly #outputs: Region
  readonly #latentOutputs: Region
  readonly #keyOffsets: OffsetList
  readonly #windowTable: RotaryTable
  readonly #compressedTable: RotaryTable
  /** Filled anew for every row: the innermost object of the pass is not allocated each time. */
  readonly #attended: { -readonly [Key in keyof AttendArguments]: AttendArguments[Key] }

  constructor (setting: AttentionSetting) {
    const { config, kernels, workspace, kv, mode, maxRows, contextTokens } = setting
    this.#setting = setting
    const ratios = config.compressRatios.filter(ratio => ratio > 0)
    const maxEntries = Math.ceil(contextTokens / Math.min(...ratios, contextTokens))
    this.#compressor = new Compressor(config, kernels, workspace, kv, 'attention', mode, maxRows)
    this.#indexCompressor = new Compressor(config, kernels, workspace, kv, 'indexer', mode, maxRows)
    this.#indexer = new Indexer(config, kernels, workspace, kv, mode, maxRows, maxEntries)
    this.#windowTable = new RotaryTable(workspace, rotaryFrequencies(config, false), maxRows)
    this.#compressedTable = new RotaryTable(workspace, rotaryFrequencies(config, true), maxRows)
    this.#queryLatent = workspace.floats(maxRows * config.queryRank)
    this.#queries = workspace.floats(maxRows * config.headCount * config.headDim)
    this.#keys = workspace.floats(maxRows * config.headDim)
    this.#outputs = workspace.floats(maxRows * config.headCount * config.headDim)
    this.#latentOutputs = workspace.floats(maxRows * config.outputGroups * config.outputRank)
    this.#keyOffsets = workspace.offsets(config.window + maxEntries)
    this.#attended = { q: 0, rowOffsets: 0, count: 0, width: config.headDim, heads: config.headCount, scale: config.headDim ** -0.5, sinks: 0, out: 0 }
  }

  /** To be called once a step, before its layers. */
  begin (step: Step): void {
    this.#windowTable.fill(step.positions, step.rows)
    this.#compressedTable.fill(step.positions, step.rows)
  }

  /** y = attention of x, both [rows, D]; takes the rows into the caches of their sequences. */
  run (weights: AttentionWeights, place: LayerPlace, x: Region, y: Region, step: Step): void {
    const { kernels } = this.#setting
    this.#projectQueries(weights, place, x, step)
    this.#projectKeys(weights, place, x, step)
    if (weights.compressor !== null && place.compressor !== null) this.#compressor.run(weights.compressor, place.compressor, x, step)
    if (weights.indexer !== null && place.indexer !== null) {
      this.#indexCompressor.run(weights.indexer.compressor, place.indexer, x, step)
      this.#prepareIndexer(weights.indexer, place.indexer, x, step)
    }
    for (const slice of step.slices) this.#attendSlice(weights, place, slice)
    this.#rotateOutputsBack(place, step)
    this.#projectOutputs(weights, step.rows)
    kernels.multiply(weights.outputUp, this.#latentOutputs.offset, y.offset, step.rows)
  }

  #projectQueries (weights: AttentionWeights, place: LayerPlace, x: Region, step: Step): void {
    const { kernels, config } = this.#setting
    const { headCount, headDim, ropeDim, queryRank, normEps } = config
    kernels.multiply(weights.queryDown, x.offset, this.#queryLatent.offset, step.rows)
    kernels.rmsNorm(this.#queryLatent.offset, weights.queryNorm.offset, this.#queryLatent.offset, step.rows, queryRank, normEps)
    kernels.multiply(weights.queryUp, this.#queryLatent.offset, this.#queries.offset, step.rows)
    kernels.rmsNorm(this.#queries.offset, 0, this.#queries.offset, step.rows * headCount, headDim, normEps)
    const table = this.#tableOf(place)
    kernels.rotate(this.#queries.offset, table.offset, step.rows, headCount, headDim, ropeDim, 1)
  }

  #projectKeys (weights: AttentionWeights, place: LayerPlace, x: Region, step: Step): void {
    const { kernels, config, mode } = this.#setting
    const { headDim, ropeDim, normEps } = config
    kernels.multiply(weights.keyValue, x.offset, this.#keys.offset, step.rows)
    kernels.rmsNorm(this.#keys.offset, weights.keyValueNorm.offset, this.#keys.offset, step.rows, headDim, normEps)
    kernels.rotate(this.#keys.offset, this.#tableOf(place).offset, step.rows, 1, headDim, ropeDim, 1)
    if (mode === 'exact') return
    for (let row = 0; row < step.rows; row++) fakeQuantiseFp8(this.#keys.values, row * headDim, headDim - ropeDim, KEY_VALUE_GROUP)
  }

  /** While all entries fit, nobody needs the indexer's queries. */
  #prepareIndexer (weights: IndexerWeights, place: CompressorPlace, x: Region, step: Step): void {
    const needsScores = step.slices.some(slice => this.#visibleAfter(slice, place) > this.#setting.config.indexTopK)
    if (needsScores) this.#indexer.prepare(weights, this.#queryLatent, x, this.#compressedTable, step.rows)
  }

  #visibleAfter ({ start, count }: StepSlice, place: CompressorPlace): number {
    return Math.floor((start + count) / place.ratio)
  }

  #attendSlice (weights: AttentionWeights, place: LayerPlace, slice: StepSlice): void {
    const { config, kernels, kv, workspace } = this.#setting
    const { window, headCount, headDim } = config
    const rowBytes = headCount * headDim * workspace.floatBytes
    const attended = this.#attended
    this.#openSlice(place, slice)
    for (let i = 0; i < slice.count; i++) {
      const row = slice.firstRow + i
      const position = slice.start + i
      const entries = this.#listCompressed(place, slice, row, position)
      const inWindow = this.#listWindow(place, slice, position)
      attended.q = this.#queries.offset + row * rowBytes
      attended.rowOffsets = this.#keyOffsets.offset + (window - inWindow) * 4
      attended.count = inWindow + entries
      attended.sinks = weights.sinks.offset
      attended.out = this.#outputs.offset + row * rowBytes
      kernels.attend(attended)
    }
    this.#keepWindow(kv, place, slice)
  }

  /** Compressed entries are listed from index `window` on, so that those of earlier rows are a prefix. */
  #openSlice (place: LayerPlace, slice: StepSlice): void {
    const { kv, config } = this.#setting
    if (place.compressor === null) return
    const visible = this.#visibleAfter(slice, place.compressor)
    const isChosen = place.indexer !== null && visible > config.indexTopK
    if (isChosen && place.indexer !== null) this.#indexer.openSlice(place.indexer, slice)
    const listed = isChosen ? Math.min(visible, config.indexTopK) : visible
    kv.listEntries(slice.sequence, place.compressor, listed, this.#keyOffsets.values, config.window)
  }

  /** @returns how many entries, listed from index `window` on, the row attends to */
  #listCompressed (place: LayerPlace, slice: StepSlice, row: number, position: number): number {
    const { kv, config } = this.#setting
    if (place.compressor === null) return 0
    const visible = Math.floor((position + 1) / place.compressor.ratio)
    if (place.indexer === null || visible <= config.indexTopK) return visible
    const picks = this.#indexer.pick(row, visible)
    this.onPick?.(row, picks)
    for (let i = 0; i < picks.length; i++) {
      this.#keyOffsets.values[config.window + i] = kv.entryByteOffset(slice.sequence, place.compressor, picks[i] ?? 0)
    }
    return picks.length
  }

  /** Lists the window just below index `window`: older positions are in the ring, those of this step in `keys`. */
  #listWindow (place: LayerPlace, { sequence, start, firstRow }: StepSlice, position: number): number {
    const { kv, config, workspace } = this.#setting
    const first = Math.max(0, position - config.window + 1)
    const ring = kv.slotIndex(sequence, place.window)
    const offsets = this.#keyOffsets.values
    const rowBytes = config.headDim * workspace.floatBytes
    const ringBegin = kv.slotByteOffset(ring)
    const ringEnd = ringBegin + config.window * rowBytes
    let index = config.window - (position - first + 1)
    let offset = ringBegin + first % config.window * rowBytes
    for (let p = first; p < Math.min(start, position + 1); p++) {
      offsets[index++] = offset
      offset += rowBytes
      if (offset === ringEnd) offset = ringBegin
    }
    offset = this.#keys.offset + (firstRow + Math.max(first - start, 0)) * rowBytes
    for (; index < config.window; index++) {
      offsets[index] = offset
      offset += rowBytes
    }
    return position - first + 1
  }

  #keepWindow (kv: KvStore, place: LayerPlace, { sequence, start, firstRow, count }: StepSlice): void {
    const { window, headDim } = this.#setting.config
    const ring = kv.slotIndex(sequence, place.window)
    for (let i = Math.max(0, count - window); i < count; i++) {
      const source = (firstRow + i) * headDim
      const target = ring + (start + i) % window * headDim
      for (let c = 0; c < headDim; c++) kv.slots[target + c] = this.#keys.values[source + c] ?? 0
    }
  }

  /** Keys are values, so outputs carry the rotation of their sources; this leaves only the distance. */
  #rotateOutputsBack (place: LayerPlace, step: Step): void {
    const { kernels, config: { headCount, headDim, ropeDim } } = this.#setting
    kernels.rotate(this.#outputs.offset, this.#tableOf(place).offset, step.rows, headCount, headDim, ropeDim, -1)
  }

  #projectOutputs (weights: AttentionWeights, rows: number): void {
    const { kernels, config, workspace } = this.#setting
    const { headCount, headDim, outputGroups, outputRank } = config
    const width = headCount * headDim
    for (const { matrix, group, firstRow } of weights.outputDown) {
      const source = this.#outputs.offset + group * width / outputGroups * workspace.floatBytes
      const target = this.#latentOutputs.offset + firstRow * workspace.floatBytes
      kernels.multiply(matrix, source, target, rows, width, outputGroups * outputRank)
    }
  }

  #tableOf (place: LayerPlace): RotaryTable {
    return place.compressor === null ? this.#windowTable : this.#compressedTable
  }
}
