/** Products with the rows of a matrix that a rank holds. */
import { type Kernels } from '../kernels/kernels.js'
import { type SharedPart } from './exchange.js'
import { type SplitMatrix } from './layer-weights.js'
import { type Region } from './workspace.js'

/** Computes this rank's columns of y, [batch, rows of the whole matrix]. @param x byte offset of the inputs @param firstRow row of y to begin at */
export function multiplySplit (kernels: Kernels, { pieces, rows }: SplitMatrix, x: number, y: Region, batch: number, firstRow = 0): void {
  const floatBytes = y.values.BYTES_PER_ELEMENT
  for (const piece of pieces) {
    kernels.multiply(piece.matrix, x, y.offset + (firstRow * rows + piece.firstRow) * floatBytes, batch, piece.matrix.columns, rows)
  }
}

/** The same without room for the others' columns: y is [batch, rows of this rank]. */
export function multiplyOwn (kernels: Kernels, { pieces, bounds }: SplitMatrix, rank: number, x: number, y: Region, batch: number): void {
  const begin = bounds[rank] ?? 0
  const own = (bounds[rank + 1] ?? 0) - begin
  for (const { matrix, firstRow } of pieces) {
    kernels.multiply(matrix, x, y.offset + (firstRow - begin) * y.values.BYTES_PER_ELEMENT, batch, matrix.columns, own)
  }
}

/** What the others have to be told of y. */
export function partOf ({ rows, bounds }: SplitMatrix, { values }: Region): SharedPart {
  return { values, width: rows, bounds }
}
