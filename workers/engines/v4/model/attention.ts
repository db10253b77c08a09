/**
 * The attention sublayer: latent queries, one shared key-value head, window and compressed entries (V4 section 4).
 *
 * A rank computes some rows of the projections that every head reads, and the heads of its own groups; the caches are the
 * same on every rank.
 */
import { type V4Config } from '../checkpoint/config.js'
import { type AttendArguments, type Kernels } from '../kernels/kernels.js'
import { fakeQuantiseFp8 } from '../numerics/fake-quantise.js'
import { type CompressorPlace, type LayerPlace } from '../sequence/kv-layout.js'
import { type KvStore } from '../sequence/kv-store.js'
import { Compressor } from './compressor.js'
import { type Exchange, type SharedPart } from './exchange.js'
import { Indexer } from './indexer.js'
import { type AttentionWeights, type IndexerWeights } from './layer-weights.js'
import { type Mode } from './mode.js'
import { RotaryTable, rotaryFrequencies } from './rope.js'
import { groupBounds } from './row-split.js'
import { multiplyOwn, multiplySplit, partOf } from './split-product.js'
import { type Step, type StepSlice } from './step.js'
import { type OffsetList, type Region, type Workspace } from './workspace.js'

const KEY_VALUE_GROUP = 64

export interface AttentionSetting {
  readonly config: V4Config
  readonly kernels: Kernels
  readonly workspace: Workspace
  readonly kv: KvStore
  readonly mode: Mode
  readonly exchange: Exchange
  readonly maxRows: number
  /** Longest sequence that can come. */
  readonly contextTokens: number
}

export class Attention {
  /** Sees the entries that the indexer chose, for tests. */
  onPick: ((row: number, picks: Uint32Array) => void) | null = null
  readonly #setting: AttentionSetting
  readonly #compressor: Compressor
  readonly #indexCompressor: Compressor
  readonly #indexer: Indexer
  readonly #queryLatent: Region
  readonly #queries: Region
  readonly #keys: Region
  readonly #outputs: Region
  readonly #latentOutputs: Region
  /** Heads of this rank. */
  readonly #firstHead: number
  readonly #heads: number
  readonly #firstGroup: number
  /** What each layer's first exchange is about. */
  readonly #projected = new Map<AttentionWeights, readonly SharedPart[]>()
  readonly #keyOffsets: OffsetList
  readonly #windowTable: RotaryTable
  readonly #compressedTable: RotaryTable
  /** Filled anew for every row: the innermost object of the pass is not allocated each time. */
  readonly #attended: { -readonly [Key in keyof AttendArguments]: AttendArguments[Key] }

  constructor (setting: AttentionSetting) {
    const { config, kernels, workspace, kv, mode, exchange, maxRows, contextTokens } = setting
    this.#setting = setting
    const ratios = config.compressRatios.filter(ratio => ratio > 0)
    const maxEntries = Math.ceil(contextTokens / Math.min(...ratios, contextTokens))
    this.#compressor = new Compressor(config, kernels, workspace, kv, 'attention', mode, maxRows)
    this.#indexCompressor = new Compressor(config, kernels, workspace, kv, 'indexer', mode, maxRows)
    this.#indexer = new Indexer(config, kernels, workspace, kv, mode, exchange, maxRows, maxEntries)
    this.#windowTable = new RotaryTable(workspace, rotaryFrequencies(config, false), maxRows)
    this.#compressedTable = new RotaryTable(workspace, rotaryFrequencies(config, true), maxRows)
    this.#queryLatent = workspace.floats(maxRows * config.queryRank)
    const groups = groupBounds(config, exchange.rankCount)
    const headsOfGroup = config.headCount / config.outputGroups
    this.#firstGroup = groups[exchange.rank] ?? 0
    this.#firstHead = this.#firstGroup * headsOfGroup
    this.#heads = (groups[exchange.rank + 1] ?? 0) * headsOfGroup - this.#firstHead
    this.#queries = workspace.floats(maxRows * this.#heads * config.headDim)
    this.#keys = workspace.floats(maxRows * config.headDim)
    this.#outputs = workspace.floats(maxRows * this.#heads * config.headDim)
    this.#latentOutputs = workspace.floats(maxRows * config.outputGroups * config.outputRank)
    this.#keyOffsets = workspace.offsets(config.window + maxEntries)
    this.#attended = { q: 0, rowOffsets: 0, count: 0, width: config.headDim, heads: this.#heads, scale: config.headDim ** -0.5, sinks: 0, out: 0 }
  }

  /** To be called once a step, before its layers. */
  begin (step: Step): void {
    this.#windowTable.fill(step.positions, step.rows)
    this.#compressedTable.fill(step.positions, step.rows)
  }

  /** y = attention of x, both [rows, D]; takes the rows into the caches of their sequences. */
  run (weights: AttentionWeights, place: LayerPlace, x: Region, y: Region, step: Step): void {
    const { kernels, exchange } = this.#setting
    const { compressor, indexer } = weights
    this.#project(weights, x, step.rows)
    this.#finishKeys(weights, place, step)
    this.#finishQueries(weights, place, step)
    if (compressor !== null && place.compressor !== null) this.#compressor.take(compressor, place.compressor, step)
    if (indexer !== null && place.indexer !== null) {
      this.#indexCompressor.take(indexer.compressor, place.indexer, step)
      this.#prepareIndexer(indexer, place.indexer, x, step)
    }
    for (const slice of step.slices) this.#attendSlice(weights, place, slice)
    this.#projectOutputs(weights, place, step.rows)
    exchange.gather([partOf(weights.outputDown, this.#latentOutputs)], step.rows)
    multiplySplit(kernels, weights.outputUp, this.#latentOutputs.offset, y, step.rows)
    exchange.gather([partOf(weights.outputUp, y)], step.rows)
  }

  /** All that is projected from x, in one exchange. */
  #project (weights: AttentionWeights, x: Region, rows: number): void {
    const { kernels, exchange } = this.#setting
    const { queryDown, keyValue, compressor, indexer } = weights
    multiplySplit(kernels, queryDown, x.offset, this.#queryLatent, rows)
    multiplySplit(kernels, keyValue, x.offset, this.#keys, rows)
    if (compressor !== null) this.#compressor.project(compressor, x, rows)
    if (indexer !== null) this.#indexCompressor.project(indexer.compressor, x, rows)
    exchange.gather(this.#projectedParts(weights), rows)
  }

  #projectedParts (weights: AttentionWeights): readonly SharedPart[] {
    const { queryDown, keyValue, compressor, indexer } = weights
    const known = this.#projected.get(weights)
    if (known !== undefined) return known
    const parts = [
      partOf(queryDown, this.#queryLatent),
      partOf(keyValue, this.#keys),
      ...compressor === null ? [] : this.#compressor.parts(compressor),
      ...indexer === null ? [] : this.#indexCompressor.parts(indexer.compressor)
    ]
    this.#projected.set(weights, parts)
    return parts
  }

  #finishQueries (weights: AttentionWeights, place: LayerPlace, { rows }: Step): void {
    const { kernels, exchange, config: { headDim, ropeDim, queryRank, normEps } } = this.#setting
    const latent = this.#queryLatent.offset
    const queries = this.#queries.offset
    kernels.rmsNorm(latent, weights.queryNorm.offset, latent, rows, queryRank, normEps)
    multiplyOwn(kernels, weights.queryUp, exchange.rank, latent, this.#queries, rows)
    kernels.rmsNorm(queries, 0, queries, rows * this.#heads, headDim, normEps)
    kernels.rotate(queries, this.#tableOf(place).offset, rows, this.#heads, headDim, ropeDim, 1)
  }

  #finishKeys (weights: AttentionWeights, place: LayerPlace, { rows }: Step): void {
    const { kernels, mode, config: { headDim, ropeDim, normEps } } = this.#setting
    const { offset, values } = this.#keys
    kernels.rmsNorm(offset, weights.keyValueNorm.offset, offset, rows, headDim, normEps)
    kernels.rotate(offset, this.#tableOf(place).offset, rows, 1, headDim, ropeDim, 1)
    if (mode === 'exact') return
    for (let row = 0; row < rows; row++) fakeQuantiseFp8(values, row * headDim, headDim - ropeDim, KEY_VALUE_GROUP)
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
    const { window, headDim } = config
    const rowBytes = this.#heads * headDim * workspace.floatBytes
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
      attended.sinks = weights.sinks.offset + this.#firstHead * workspace.floatBytes
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
    const count = this.#indexer.pick(row, visible)
    const picks = this.#indexer.picks.values
    this.onPick?.(row, picks.subarray(0, count))
    for (let i = 0; i < count; i++) {
      this.#keyOffsets.values[config.window + i] = kv.entryByteOffset(slice.sequence, place.compressor, picks[i] ?? 0)
    }
    return count
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

  /** Keys are values, so outputs carry the rotation of their sources; rotating back leaves only the distance. */
  #projectOutputs (weights: AttentionWeights, place: LayerPlace, rows: number): void {
    const { kernels, config, workspace: { floatBytes } } = this.#setting
    const { headCount, headDim, ropeDim, outputGroups } = config
    kernels.rotate(this.#outputs.offset, this.#tableOf(place).offset, rows, this.#heads, headDim, ropeDim, -1)
    const groupWidth = headCount / outputGroups * headDim
    const { pieces, rows: latentWidth } = weights.outputDown
    for (const { matrix, firstRow } of pieces) {
      const group = Math.floor(firstRow * outputGroups / latentWidth) - this.#firstGroup
      kernels.multiply(matrix, this.#outputs.offset + group * groupWidth * floatBytes, this.#latentOutputs.offset + firstRow * floatBytes, rows, this.#heads * headDim, latentWidth)
    }
  }

  #tableOf (place: LayerPlace): RotaryTable {
    return place.compressor === null ? this.#windowTable : this.#compressedTable
  }
}
