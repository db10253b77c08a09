import { powerOfTwoCeiling, roundToE2m1, roundToE4m3 } from './minifloat.js'

/** Working precision decides how the scale is formed: f32 as the GPU kernels do, f64 as the float64 golden does. */
type Values = Float32Array | Float64Array

const inverse448 = Math.fround(1 / 448)
const inverse6 = Math.fround(1 / 6)

function largestMagnitude (values: Values, begin: number, end: number): number {
  let largest = 0
  for (let i = begin; i < end; i++) largest = Math.max(largest, Math.abs(values[i] ?? 0))
  return largest
}

function scaleOf (values: Values, largest: number, inverse: number, maximum: number): number {
  return powerOfTwoCeiling(values instanceof Float32Array ? Math.fround(largest * inverse) : largest / maximum)
}

/**
 * Q8 (V4 section 2.3): replaces each run of `group` values of [begin, begin + count) by E4M3 values times a
 * power-of-two scale, in place. The results are exact in bfloat16.
 */
export function fakeQuantiseFp8 (values: Values, begin: number, count: number, group: number): void {
  for (let start = begin; start < begin + count; start += group) {
    const end = Math.min(start + group, begin + count)
    const scale = scaleOf(values, Math.max(largestMagnitude(values, start, end), 1e-4), inverse448, 448)
    for (let i = start; i < end; i++) values[i] = roundToE4m3((values[i] ?? 0) / scale) * scale
  }
}

/** Q4 (V4 section 2.4): the same with E2M1 values, in groups of 32 by default. */
export function fakeQuantiseFp4 (values: Values, begin: number, count: number, group = 32): void {
  for (let start = begin; start < begin + count; start += group) {
    const end = Math.min(start + group, begin + count)
    const scale = scaleOf(values, Math.max(largestMagnitude(values, start, end), 6 * 2 ** -126), inverse6, 6)
    for (let i = start; i < end; i++) values[i] = roundToE2m1((values[i] ?? 0) / scale) * scale
  }
}
