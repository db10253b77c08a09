/** The rows of one forward pass: pieces of several sequences, flattened. */
import { type Sequence } from '../sequence/sequence.js'

/** Which rows of a slice need logits. */
export type Wants = 'none' | 'last' | 'all'

/** Consecutive tokens of one sequence, beginning at its position. */
export interface ForwardSlice {
  readonly sequence: Sequence
  readonly tokenIds: ArrayLike<number>
  readonly wants: Wants
}

export interface StepSlice {
  readonly sequence: Sequence
  /** Absolute position of its first row. */
  readonly start: number
  readonly firstRow: number
  readonly count: number
}

export class Step {
  rows = 0
  slices: readonly StepSlice[] = []
  readonly tokenIds: Int32Array
  readonly positions: Int32Array
  /** Rows that need logits, in order. */
  readonly wantedRows: Int32Array
  wantedCount = 0

  constructor (maxRows: number) {
    this.tokenIds = new Int32Array(maxRows)
    this.positions = new Int32Array(maxRows)
    this.wantedRows = new Int32Array(maxRows)
  }

  /** @throws RangeError when the slices hold more rows than the step has room for */
  fill (slices: readonly ForwardSlice[]): void {
    const total = slices.reduce((sum, slice) => sum + slice.tokenIds.length, 0)
    if (total > this.tokenIds.length) throw new RangeError(`${total} rows in a step of at most ${this.tokenIds.length}`)
    this.rows = 0
    this.wantedCount = 0
    this.slices = slices.map(({ sequence, tokenIds, wants }) => {
      const firstRow = this.rows
      for (let i = 0; i < tokenIds.length; i++) {
        this.tokenIds[this.rows] = tokenIds[i] ?? 0
        this.positions[this.rows] = sequence.position + i
        const isWanted = wants === 'all' || (wants === 'last' && i === tokenIds.length - 1)
        if (isWanted) this.wantedRows[this.wantedCount++] = this.rows
        this.rows++
      }
      return { sequence, start: sequence.position, firstRow, count: tokenIds.length }
    })
  }
}
