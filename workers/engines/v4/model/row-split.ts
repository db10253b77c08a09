/**
 * Which rows of its matrices each rank holds and computes.
 *
 * Always rows, never columns: a sum is then formed by one rank in one order, so that results are the same bits with any
 * number of ranks. Attention goes by whole groups of heads, which their rows of the output projection read; everything
 * else into equal parts.
 */
import { type V4Config } from '../checkpoint/config.js'

/** Rank r has rows [bounds[r], bounds[r + 1]). */
export type Bounds = readonly number[]

/** Kernels take four rows together. */
const UNIT = 4

/** Equal parts of whole units; some rank may have none. */
export function evenBounds (count: number, rankCount: number, unit = UNIT): Bounds {
  return Array.from({ length: rankCount + 1 }, (_, rank) => rank === rankCount ? count : Math.floor(Math.ceil(count / unit) * rank / rankCount) * unit)
}

export function groupBounds ({ outputGroups }: V4Config, rankCount: number): Bounds {
  return evenBounds(outputGroups, rankCount, 1)
}

/** @returns null for a tensor that every rank holds whole */
export function rowBounds (config: V4Config, name: string, rows: number, rankCount: number): Bounds | null {
  if (/\.attn\.(wq_b|wo_a)\./.test(name)) return groupBounds(config, rankCount).map(group => group * rows / config.outputGroups)
  return /^head\.|\.attn\.(wq_a|wkv|wo_b)\.|\.compressor\.(wkv|wgate)\.|\.indexer\.wq_b\.|experts\.(\d+\.)?w[123]\./.test(name) ? evenBounds(rows, rankCount) : null
}
