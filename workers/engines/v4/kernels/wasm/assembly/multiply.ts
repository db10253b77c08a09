import { decodeFp4, dotFp4 } from './fp4'
import { arrangeFp8Input, decodeFp8, dotTwoFp8 } from './fp8'
import { tileF32 } from './tile'
import { decodeBf16, dotBf16, dotF32 } from './wide'

export const fp4: u32 = 0
export const fp8: u32 = 1
export const bf16: u32 = 2
export const f32Format: u32 = 3

/** Decoded weights of 4 rows and this many columns stay in the first cache level. */
const chunk: usize = 512
const chunkRows: usize = 4

// @ts-ignore: decorator
@inline
function weightBytes (format: u32, columns: usize): usize {
  if (format == fp4) return columns >> 1
  if (format == fp8) return columns
  return format == bf16 ? columns << 1 : columns << 2
}

/** Address of the scale of weight [row, column]. */
// @ts-ignore: decorator
@inline
function scaleAddress (format: u32, scales: usize, columns: usize, row: usize, column: usize): usize {
  if (format == fp4) return scales + row * (columns >> 5) + (column >> 5)
  if (format == fp8) return scales + (row >> 7) * ((columns + 127) >> 7) + (column >> 7)
  return scales
}

/** y = W x, or y += W x when `add` is not 0. */
export function multiplyVector (format: u32, weights: usize, scales: usize, rows: usize, columns: usize, x: usize, y: usize, add: u32, scratch: usize): void {
  if (format == fp8) return multiplyFp8(weights, scales, rows, columns, x, y, add, scratch)
  const bytes = weightBytes(format, columns)
  for (let r: usize = 0; r < rows; r++) {
    let value: f32
    if (format == fp4) value = dotFp4(weights, scaleAddress(fp4, scales, columns, r, 0), x, columns)
    else if (format == bf16) value = dotBf16(weights, x, columns)
    else value = dotF32(weights, x, columns)
    if (add) value += load<f32>(y)
    store<f32>(y, value)
    weights += bytes
    y += 4
  }
}

function multiplyFp8 (weights: usize, scales: usize, rows: usize, columns: usize, x: usize, y: usize, add: u32, scratch: usize): void {
  arrangeFp8Input(x, columns, scratch)
  for (let r: usize = 0; r < rows; r += 2) {
    const other = min(r + 1, rows - 1)
    dotTwoFp8(weights + r * columns, weights + other * columns, scaleAddress(fp8, scales, columns, r, 0), scaleAddress(fp8, scales, columns, other, 0),
      scratch, x, columns, y + (r << 2), y + (other << 2), add)
  }
}

function decode (format: u32, weights: usize, scales: usize, columns: usize, target: usize): void {
  if (format == fp4) decodeFp4(weights, scales, columns, target)
  else if (format == fp8) decodeFp8(weights, scales, columns, target)
  else decodeBf16(weights, columns, target)
}

/**
 * y = W x for `batch` inputs; strides in bytes. A few rows at a time are decoded once into `scratch`
 * (8 KiB) and used for every input.
 */
export function multiplyBatch (format: u32, weights: usize, scales: usize, rows: usize, columns: usize, x: usize, xStride: usize, y: usize, yStride: usize, batch: usize, scratch: usize): void {
  const bytes = weightBytes(format, columns)
  for (let b: usize = 0; b < batch; b++) memory.fill(y + b * yStride, 0, rows << 2)
  for (let r: usize = 0; r < rows; r += chunkRows) {
    const height = min(chunkRows, rows - r)
    for (let c: usize = 0; c < columns; c += chunk) {
      const width = min(chunk, columns - c)
      const begin = weights + r * bytes + weightBytes(format, c)
      const target = y + (r << 2)
      const input = x + (c << 2)
      if (format == f32Format) {
        tileF32(begin, bytes, height, width, input, xStride, target, yStride, batch)
        continue
      }
      for (let i: usize = 0; i < height; i++) {
        decode(format, begin + i * bytes, scaleAddress(format, scales, columns, r + i, c), width, scratch + i * chunk * 4)
      }
      tileF32(scratch, chunk << 2, height, width, input, xStride, target, yStride, batch)
    }
  }
}
