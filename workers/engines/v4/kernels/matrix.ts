/** How the weights of a matrix are stored: exactly as in the checkpoint file. */
export type MatrixFormat = 'fp4' | 'fp8' | 'bf16' | 'f32'

/**
 * A row-major weight matrix inside an arena.
 *
 * - fp4: two E2M1 codes a byte (low nibble first), `scales` one E8M0 byte per row and 32 columns
 * - fp8: E4M3 bytes, `scales` one E8M0 byte per 128x128 block, grid [ceil(rows/128), ceil(columns/128)]
 * - bf16, f32: no scales (0)
 *
 * NaN scales are refused when a checkpoint is loaded; E4M3 NaN codes are not looked for, and SIMD kernels read
 * them as ±480.
 */
export interface Matrix {
  readonly format: MatrixFormat
  readonly rows: number
  readonly columns: number
  /** Byte offset of the first weight, a multiple of 16 for a whole matrix. */
  readonly weights: number
  /** Byte offset of the first scale. */
  readonly scales: number
}

export const blockWidth = 128
export const groupWidth = 32

/** Bytes that `columns` weights of one row take. */
export function rowBytes (format: MatrixFormat, columns: number): number {
  switch (format) {
    case 'fp4': return columns / 2
    case 'fp8': return columns
    case 'bf16': return columns * 2
    case 'f32': return columns * 4
  }
}

/** Bytes of the scale grid of a matrix of that format and size. */
export function scaleBytes (format: MatrixFormat, rows: number, columns: number): number {
  switch (format) {
    case 'fp4': return rows * columns / groupWidth
    case 'fp8': return Math.ceil(rows / blockWidth) * Math.ceil(columns / blockWidth)
    case 'bf16':
    case 'f32': return 0
  }
}

/**
 * The rows [begin, end) of a matrix, without copying.
 * @throws RangeError when an fp8 slice would begin inside a scale block
 */
export function sliceRows (matrix: Matrix, begin: number, end: number): Matrix {
  const { format, rows, columns, weights, scales } = matrix
  if (begin < 0 || end > rows || begin > end) throw new RangeError(`rows ${begin} to ${end} of a matrix with ${rows} rows`)
  if (format === 'fp8' && begin % blockWidth !== 0) throw new RangeError(`an fp8 slice must begin at a multiple of ${blockWidth}, not ${begin}`)
  return {
    format,
    rows: end - begin,
    columns,
    weights: weights + begin * rowBytes(format, columns),
    scales: scales + scaleBytes(format, begin, columns)
  }
}
