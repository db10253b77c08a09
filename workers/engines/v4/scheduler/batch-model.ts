/** What a scheduler needs of the network: slots for sequences, and batches of slices. */
import { type ForwardSlice } from '../model/step.js'
import { type Floats } from '../model/workspace.js'
import { type Sequence } from '../sequence/sequence.js'

export interface BatchModel {
  /** Rows of one batch. */
  readonly maxRows: number
  readonly vocabularySize: number
  /** A sequence at position 0 in that slot; whoever used the slot before is forgotten. */
  openSequence (slot: number): Sequence
  /** @returns how many rows have logits, in the order of the slices */
  forward (slices: readonly ForwardSlice[]): number
  /** Keeps the fixed part of a sequence's state, which stands at a block boundary. */
  snapshot (sequence: Sequence, snapshot: number): void
  /** The opposite; the sequence's block table must list the blocks of that moment. */
  restore (snapshot: number, sequence: Sequence, position: number): void
  /** A view, valid until the next batch. */
  logitsOf (wanted: number): Floats
}
