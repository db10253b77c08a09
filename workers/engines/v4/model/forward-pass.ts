/**
 * The forward pass of one rank over a batch of rows from several sequences.
 *
 * Everything that mixes tokens of a sequence goes by absolute positions, so that any way of cutting prompts into
 * slices, and any company in the batch, gives the same logits.
 */
import { type V4Config } from '../checkpoint/config.js'
import { type Arena } from '../kernels/arena.js'
import { type Matrix } from '../kernels/matrix.js'
import { decodeRow } from '../kernels/reference/weight-row.js'
import { type Sequence } from '../sequence/sequence.js'
import { type Head } from './head.js'
import { type LayerObserver, type Stage } from './stage.js'
import { type ForwardSlice, Step } from './step.js'
import { type Floats, type Region } from './workspace.js'

export interface ForwardParts {
  readonly config: V4Config
  readonly maxRows: number
  readonly embedding: { readonly arena: Arena, readonly matrix: Matrix }
  readonly stages: readonly Stage[]
  readonly head: Head
}

export class ForwardPass {
  /** Sees every layer's output, for tests. */
  onLayer: LayerObserver | null = null
  readonly #parts: ForwardParts
  readonly #step: Step
  readonly #embedded: Float64Array

  constructor (parts: ForwardParts) {
    this.#parts = parts
    this.#step = new Step(parts.maxRows)
    this.#embedded = new Float64Array(parts.config.hiddenSize)
  }

  get config (): V4Config { return this.#parts.config }

  get maxRows (): number { return this.#parts.maxRows }

  get stages (): readonly Stage[] { return this.#parts.stages }

  /**
   * Computes the slices, and moves their sequences on.
   * @returns the number of rows with logits, in the order of the slices: read them with `logitsOf`
   * @throws RangeError when the slices hold more than `maxRows` rows, or a sequence twice
   */
  forward (slices: readonly ForwardSlice[]): number {
    const step = this.#step
    if (new Set(slices.map(({ sequence }) => sequence)).size !== slices.length) throw new RangeError('a sequence appears twice in a step')
    step.fill(slices)
    let streams = this.#embed(step)
    for (const stage of this.#parts.stages) {
      if (stage.streams !== streams) this.#carry(streams, stage.streams, step.rows)
      stage.run(step, this.onLayer)
      streams = stage.streams
    }
    this.#parts.head.run(streams, step)
    for (const { sequence, tokenIds } of slices) sequence.position += tokenIds.length
    return step.wantedCount
  }

  /** @param wanted index below what `forward` returned; a view, valid until the next step. Of the first rank */
  logitsOf (wanted: number): Floats {
    return this.#parts.head.logitsOf(wanted)
  }

  /** Keeps the fixed part of a sequence's state; its position must be a multiple of the block size. */
  snapshot (sequence: Sequence, snapshot: number): void {
    for (const { kv } of this.#parts.stages) kv.snapshot(sequence, snapshot)
  }

  /** @param position tokens the snapshot was taken at; the sequence's blocks must be those of that moment */
  restore (snapshot: number, sequence: Sequence, position: number): void {
    for (const { kv } of this.#parts.stages) kv.restore(snapshot, sequence)
    sequence.position = position
  }

  /** All streams start as copies of the token's embedding. */
  #embed (step: Step): Region {
    const { config, stages, embedding } = this.#parts
    const first = stages[0]
    if (first === undefined) throw new Error('a network without layers')
    const { streamCount, hiddenSize } = config
    for (let row = 0; row < step.rows; row++) {
      decodeRow(embedding.arena, embedding.matrix, step.tokenIds[row] ?? 0, this.#embedded)
      for (let stream = 0; stream < streamCount; stream++) first.streams.values.set(this.#embedded, (row * streamCount + stream) * hiddenSize)
    }
    return first.streams
  }

  #carry (from: Region, to: Region, rows: number): void {
    to.values.set(from.values.subarray(0, rows * this.#parts.config.streamCount * this.#parts.config.hiddenSize))
  }
}
