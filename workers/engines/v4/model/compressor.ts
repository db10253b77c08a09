/** Pools runs of tokens into single key-value entries (V4 section 4.7). */
import { type V4Config } from '../checkpoint/config.js'
import { type Kernels } from '../kernels/kernels.js'
import { fakeQuantiseFp4, fakeQuantiseFp8 } from '../numerics/fake-quantise.js'
import { hadamard } from '../numerics/hadamard.js'
import { type CompressorPlace } from '../sequence/kv-layout.js'
import { type KvStore } from '../sequence/kv-store.js'
import { type Sequence } from '../sequence/sequence.js'
import { type SharedPart } from './exchange.js'
import { type CompressorWeights } from './layer-weights.js'
import { type Mode } from './mode.js'
import { RotaryTable, rotaryFrequencies } from './rope.js'
import { multiplySplit, partOf } from './split-product.js'
import { type Step, type StepSlice } from './step.js'
import { type Region, type Workspace } from './workspace.js'

/** Entries that attention reads, or entries that the indexer scans: they are finished differently. */
export type CompressorUse = 'attention' | 'indexer'

const KEY_VALUE_GROUP = 64

export class Compressor {
  readonly #config: V4Config
  readonly #kernels: Kernels
  readonly #kv: KvStore
  readonly #use: CompressorUse
  readonly #mode: Mode
  readonly #keys: Region
  readonly #gates: Region
  readonly #entry: Region
  readonly #rotary: RotaryTable

  constructor (config: V4Config, kernels: Kernels, workspace: Workspace, kv: KvStore, use: CompressorUse, mode: Mode, maxRows: number) {
    const width = use === 'attention' ? config.headDim : config.indexHeadDim
    this.#config = config
    this.#kernels = kernels
    this.#kv = kv
    this.#use = use
    this.#mode = mode
    this.#keys = workspace.floats(maxRows * 2 * width)
    this.#gates = workspace.floats(maxRows * 2 * width)
    this.#entry = workspace.floats(width)
    this.#rotary = new RotaryTable(workspace, rotaryFrequencies(config, true), 1)
  }

  /** This rank's share of keys and gates of all rows, to be completed with `parts` before they are taken. */
  project (weights: CompressorWeights, x: Region, rows: number): void {
    multiplySplit(this.#kernels, weights.keys, x.offset, this.#keys, rows)
    multiplySplit(this.#kernels, weights.gates, x.offset, this.#gates, rows)
  }

  parts ({ keys, gates }: CompressorWeights): SharedPart[] {
    return [partOf(keys, this.#keys), partOf(gates, this.#gates)]
  }

  /** Takes in the rows of the step; blocks that they complete become entries of their sequences. */
  take (weights: CompressorWeights, place: CompressorPlace, step: Step): void {
    for (const slice of step.slices) this.#takeSlice(weights, place, slice)
  }

  #takeSlice (weights: CompressorWeights, place: CompressorPlace, { sequence, start, firstRow, count }: StepSlice): void {
    const channels = weights.keys.rows
    const slots = this.#kv.slots
    const keys = this.#kv.slotIndex(sequence, place.current)
    const gates = keys + place.ratio * channels
    for (let i = 0; i < count; i++) {
      const inBlock = (start + i) % place.ratio
      const source = (firstRow + i) * channels
      for (let channel = 0; channel < channels; channel++) {
        slots[keys + inBlock * channels + channel] = this.#keys.values[source + channel] ?? 0
        slots[gates + inBlock * channels + channel] = (this.#gates.values[source + channel] ?? 0) + (weights.positionBias[inBlock * channels + channel] ?? 0)
      }
      if (inBlock === place.ratio - 1) this.#emit(weights, place, sequence, Math.floor((start + i) / place.ratio))
    }
  }

  #emit (weights: CompressorWeights, place: CompressorPlace, sequence: Sequence, entry: number): void {
    const { values, offset } = this.#entry
    this.#pool(place, sequence, entry > 0)
    if (place.isOverlapping) this.#keepForNext(place, sequence)
    this.#kernels.rmsNorm(offset, weights.norm.offset, offset, 1, place.width, this.#config.normEps)
    this.#rotary.setRow(0, entry * place.ratio)
    this.#kernels.rotate(offset, this.#rotary.offset, 1, 1, place.width, this.#config.ropeDim, 1)
    if (this.#use === 'indexer') {
      hadamard(values, 0, place.width)
      if (this.#mode === 'qat_sim') fakeQuantiseFp4(values, 0, place.width)
    } else if (this.#mode === 'qat_sim') {
      fakeQuantiseFp8(values, 0, place.width - this.#config.ropeDim, KEY_VALUE_GROUP)
    }
    this.#kv.putEntry(sequence, place, entry, values)
  }

  /**
   * Per channel: softmax of the gates over the block's tokens, times their keys. An overlapping block pools the
   * second half of its own channels and, after block 0, the first half of the block before.
   */
  #pool (place: CompressorPlace, sequence: Sequence, hasPrevious: boolean): void {
    const { ratio, width, isOverlapping } = place
    const slots = this.#kv.slots
    const channels = isOverlapping ? 2 * width : width
    const own = this.#kv.slotIndex(sequence, place.current) + channels - width
    const ownGates = own + ratio * channels
    const before = this.#kv.slotIndex(sequence, place.previous)
    const beforeGates = before + ratio * width
    const beforeCount = isOverlapping && hasPrevious ? ratio : 0
    for (let channel = 0; channel < width; channel++) {
      let largest = -Infinity
      for (let i = 0; i < beforeCount; i++) largest = Math.max(largest, slots[beforeGates + i * width + channel] ?? 0)
      for (let i = 0; i < ratio; i++) largest = Math.max(largest, slots[ownGates + i * channels + channel] ?? 0)
      let total = 0
      let sum = 0
      for (let i = 0; i < beforeCount; i++) {
        const share = Math.exp((slots[beforeGates + i * width + channel] ?? 0) - largest)
        total += share
        sum += share * (slots[before + i * width + channel] ?? 0)
      }
      for (let i = 0; i < ratio; i++) {
        const share = Math.exp((slots[ownGates + i * channels + channel] ?? 0) - largest)
        total += share
        sum += share * (slots[own + i * channels + channel] ?? 0)
      }
      this.#entry.values[channel] = sum / total
    }
  }

  /** The first halves of this block's channels are for the next entry. */
  #keepForNext (place: CompressorPlace, sequence: Sequence): void {
    const { ratio, width } = place
    const slots = this.#kv.slots
    const current = this.#kv.slotIndex(sequence, place.current)
    const previous = this.#kv.slotIndex(sequence, place.previous)
    // Keys, then gates: 2 * ratio rows of 2 * width floats, of which the first width are kept.
    for (let row = 0; row < 2 * ratio; row++) {
      slots.copyWithin(previous + row * width, current + row * 2 * width, current + row * 2 * width + width)
    }
  }
}
