/** Weights in the two quantised formats of the releases: E2M1 or E4M3 codes with power-of-two scales (V4 sections 2.3, 2.5, 8.3). */
import { blockWidth, groupWidth } from '../kernels/matrix.js'
import { encodeE2m1, encodeE4m3, encodeE8m0, powerOfTwoCeiling } from '../numerics/minifloat.js'

export interface QuantisedRows {
  /** FP4: two codes a byte, the low nibble first. FP8: one byte each. */
  readonly codes: Uint8Array
  /** E8M0. */
  readonly scales: Uint8Array
}

/** The scale of a run of zeros, and of values too small to matter, which E8M0 could still halve a few times. */
const SMALLEST_SCALE = 2 ** -120

/**
 * FP4, one scale per 32 columns.
 * @param values finite, whole rows
 * @param columns a multiple of 32
 */
export function quantiseFp4Rows (values: Float32Array, columns: number): QuantisedRows {
  if (columns % groupWidth !== 0) throw new RangeError(`rows of ${columns} columns do not divide into groups of ${groupWidth}`)
  const codes = new Uint8Array(values.length / 2)
  const scales = new Uint8Array(values.length / groupWidth)
  for (let group = 0; group < scales.length; group++) {
    const begin = group * groupWidth
    let largest = 0
    for (let i = begin; i < begin + groupWidth; i++) largest = Math.max(largest, Math.abs(values[i] ?? 0))
    const scale = scaleFor(largest, 6)
    scales[group] = encodeE8m0(scale)
    for (let i = begin; i < begin + groupWidth; i += 2) {
      codes[i >> 1] = encodeE2m1((values[i] ?? 0) / scale) | encodeE2m1((values[i + 1] ?? 0) / scale) << 4
    }
  }
  return { codes, scales }
}

/**
 * FP8, one scale per block of 128 x 128; blocks at the end may be smaller.
 * @param values finite, whole rows, the first of which begins a block
 */
export function quantiseFp8Rows (values: Float32Array, columns: number): QuantisedRows {
  const rows = values.length / columns
  const codes = new Uint8Array(values.length)
  const blocks = Math.ceil(columns / blockWidth)
  const scales = new Uint8Array(Math.ceil(rows / blockWidth) * blocks)
  for (let block = 0; block < scales.length; block++) {
    const top = Math.floor(block / blocks) * blockWidth
    const left = block % blocks * blockWidth
    const bottom = Math.min(top + blockWidth, rows)
    const right = Math.min(left + blockWidth, columns)
    let largest = 0
    for (let row = top; row < bottom; row++) {
      for (let i = row * columns + left; i < row * columns + right; i++) largest = Math.max(largest, Math.abs(values[i] ?? 0))
    }
    const scale = scaleFor(largest, 448)
    scales[block] = encodeE8m0(scale)
    for (let row = top; row < bottom; row++) {
      for (let i = row * columns + left; i < row * columns + right; i++) codes[i] = encodeE4m3((values[i] ?? 0) / scale)
    }
  }
  return { codes, scales }
}

/** The smallest power of two that brings `largest` within the format: nothing is clipped. */
function scaleFor (largest: number, most: number): number {
  return powerOfTwoCeiling(Math.max(largest / most, SMALLEST_SCALE))
}
