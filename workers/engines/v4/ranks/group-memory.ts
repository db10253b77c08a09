/** The memory that the ranks of a group share: who has arrived where, the plan of the step, partial sums, block tables. */
import { type Arithmetic, type Floats } from '../model/workspace.js'

export interface GroupShape {
  readonly rankCount: number
  readonly maxRows: number
  readonly hiddenSize: number
  readonly arithmetic: Arithmetic
  readonly slots: number
  readonly blocksPerSequence: number
}

/** Plain buffers, so that it can be sent to a thread. */
export interface GroupMemory {
  readonly shape: GroupShape
  readonly control: SharedArrayBuffer
  readonly plan: SharedArrayBuffer
  readonly partialSums: SharedArrayBuffer
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
    // Two sets, because a rank may begin the next sum while another still reads the last one.
    partialSums: new SharedArrayBuffer(2 * shape.rankCount * sumLength(shape) * floatBytes),
    blockTables: new SharedArrayBuffer(shape.slots * shape.blocksPerSequence * 4)
  }
}

export function takenPlanWord (rank: number): number {
  return controlWords.perRank + 2 * rank
}

export function arrivalWord (rank: number): number {
  return controlWords.perRank + 2 * rank + 1
}

/** The partial sum of `rank` in set 0 or 1. */
export function partialSumOf ({ shape, partialSums }: GroupMemory, set: number, rank: number): Floats {
  const length = sumLength(shape)
  const index = (set * shape.rankCount + rank) * length
  return shape.arithmetic === 'f32'
    ? new Float32Array(partialSums, index * 4, length)
    : new Float64Array(partialSums, index * 8, length)
}

export function blockTableOf ({ shape, blockTables }: GroupMemory, slot: number): Int32Array {
  return new Int32Array(blockTables, slot * shape.blocksPerSequence * 4, shape.blocksPerSequence)
}

/**
 * A count, then for each state copy its type, slot, snapshot and position: at most one to and one from each slot between two
 * steps. Then a count, then for each slice its slot, position, length and tokens; at most one slice a row.
 */
function planWords ({ maxRows, slots }: GroupShape): number {
  return 1 + 4 * 2 * slots + 1 + 4 * maxRows
}

function sumLength ({ maxRows, hiddenSize }: GroupShape): number {
  return maxRows * hiddenSize
}
