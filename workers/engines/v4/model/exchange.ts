/** How the ranks of a group give each other the columns that each has computed. */
import { type V4Config } from '../checkpoint/config.js'
import { type Bounds } from './row-split.js'
import { type Floats } from './workspace.js'

/** Results [rows, width] of a product whose matrix rows are spread over the ranks. */
export interface SharedPart {
  readonly values: Floats
  readonly width: number
  /** Columns that each rank has computed. */
  readonly bounds: Bounds
}

export interface Exchange {
  readonly rank: number
  readonly rankCount: number
  /** Fills in the other ranks' columns; every rank calls it with the same shapes, in the same order. */
  gather (parts: readonly SharedPart[], rows: number): void
  /** The same for the first rank only; the others go on. */
  gatherFirst (part: SharedPart, rows: number): void
}

/** For a rank that is alone. */
export const soleExchange: Exchange = { rank: 0, rankCount: 1, gather () {}, gatherFirst () {} }

/** The most floats of one `gather` over steps of `maxRows` rows. */
export function exchangeFloats (config: V4Config, maxRows: number): number {
  const { queryRank, headDim, indexHeadDim, indexHeadCount, outputGroups, outputRank, hiddenSize, expertsPerToken, expertWidth, vocabularySize } = config
  return maxRows * Math.max(
    queryRank + 5 * headDim + 4 * indexHeadDim,
    indexHeadCount * indexHeadDim,
    outputGroups * outputRank,
    hiddenSize,
    (expertsPerToken + 1) * expertWidth,
    vocabularySize
  )
}
