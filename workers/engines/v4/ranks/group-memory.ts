/** The memory that the ranks of a group share: who has arrived where, the plan of the step, what they exchange, block tables. */
import { type Arithmetic, type Floats } from '../model/workspace.js'

export interface GroupShape {
  readonly rankCount: number
  readonly maxRows: number
  /** The most that one exchange holds. */
  readonly exchangeFloats: number
  readonly arithmetic: Arithmetic
  readonly slots: number
  readonly blocksPerSequence: number
}

/** Plain buffers, so that it can be sent to a thread. */
export interface GroupMemory {
  readonly shape: GroupShape
  readonly control: SharedArrayBuffer
  readonly plan: SharedArrayBuffer
  readonly exchanges: SharedArrayBuffer
  readonly blockTables: SharedArrayBuffer
}

/** Words of `control`. Each has one writer, except `stopped`, which goes from 0 to 1 only. */
export const controlWords = {
  stopped: 0,
  publishedPlan: 1,
  /** Two words a rank follow: the last plan it took, the last rendezvous it reached. */
  perRank: 2
} as const

export function createGroupMemory (shape: GroupShape): GroupMemory {
  const floatBytes = shape.arithmetic === 'f32' ? 4 : 8
  return {
    shape,
    control: new SharedArrayBuffer((controlWords.perRank + 2 * shape.rankCount) * 4),
    plan: new SharedArrayBuffer(planWords(shape) * 4),
    // Two sets, because a rank may begin the next exchange while another still reads the last one.
    exchanges: new SharedArrayBuffer(shape.rankCount === 1 ? 0 : 2 * shape.exchangeFloats * floatBytes),
    blockTables: new SharedArrayBuffer(shape.slots * shape.blocksPerSequence * 4)
  }
}

export function takenPlanWord (rank: number): number {
  return controlWords.perRank + 2 * rank
}

export function arrivalWord (rank: number): number {
  return controlWords.perRank + 2 * rank + 1
}

/** What is exchanged, in set 0 or 1. */
export function exchangeSetOf ({ shape: { arithmetic, exchangeFloats }, exchanges }: GroupMemory, set: number): Floats {
  return arithmetic === 'f32'
    ? new Float32Array(exchanges, set * exchangeFloats * 4, exchangeFloats)
    : new Float64Array(exchanges, set * exchangeFloats * 8, exchangeFloats)
}

export function blockTableOf ({ shape, blockTables }: GroupMemory, slot: number): Int32Array {
  return new Int32Array(blockTables, slot * shape.blocksPerSequence * 4, shape.blocksPerSequence)
}

/**
 * A count, then for each state copy its type, slot, snapshot and position: at most one to and one from each slot between two
 * steps. Then a count, then for each slice its slot, position, length, which logits it wants, and tokens; at most one
 * slice a row.
 */
function planWords ({ maxRows, slots }: GroupShape): number {
  return 1 + 4 * 2 * slots + 1 + 5 * maxRows
}
