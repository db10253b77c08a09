import { multiplyAdd, sumLanes } from './lanes'

/**
 * Batched products work on tiles of four weight rows (a quad) and two inputs (a pair). Both are copied so that what a
 * step reads lies side by side: for every 4 columns the vectors of the four rows, or of the two inputs.
 */
export const quad: usize = 4
export const pair: usize = 2
/** The eight vectors that a tile sums up. */
export const sumBytes: usize = 128

/**
 * Copies one f32 row, zero-padded to a multiple of 4 columns: its even steps of 4 columns to `even`, the odd ones to `odd`,
 * both going on by `advance` bytes.
 */
export function interleave (source: usize, columns: usize, even: usize, odd: usize, advance: usize): void {
  const end = source + ((columns & ~3) << 2)
  while (source < end) {
    v128.store(even, v128.load(source))
    source += 16
    const next = even + advance
    even = odd
    odd = next
  }
  if (!(columns & 3)) return
  v128.store(even, i32x4.splat(0))
  memory.copy(even, source, (columns & 3) << 2)
}

/** Bytes of a pair of inputs: twice the even steps, which are as many as the odd ones or one more. */
export function pairBytes (columns: usize): usize {
  return ((columns + 7) & ~7) << 3
}

/** Copies all inputs to pairs, first the even then the odd steps; an odd last input is its own partner. */
export function interleaveInputs (x: usize, xStride: usize, batch: usize, columns: usize, target: usize): void {
  const half = pairBytes(columns) >> 1
  for (let b: usize = 0; b < ((batch + 1) & ~1); b++) {
    const even = target + (b >> 1) * 2 * half + ((b & 1) << 4)
    interleave(x + min(b, batch - 1) * xStride, columns, even, even + half, pair << 4)
  }
}

/** memory.fill would leave WebAssembly for so few bytes. */
export function clearSums (sums: usize): void {
  for (let i: usize = 0; i < sumBytes; i += 16) v128.store(sums + i, i32x4.splat(0))
}

/** A quad times a pair: adds the products of `steps` steps of 4 columns to the eight vectors at `sums`, row by row. */
export function tileF32 (weights: usize, inputs: usize, steps: usize, sums: usize): void {
  let a0 = v128.load(sums)
  let a1 = v128.load(sums, 16)
  let b0 = v128.load(sums, 32)
  let b1 = v128.load(sums, 48)
  let c0 = v128.load(sums, 64)
  let c1 = v128.load(sums, 80)
  let d0 = v128.load(sums, 96)
  let d1 = v128.load(sums, 112)
  const end = weights + (steps << 6)
  while (weights < end) {
    const x = v128.load(inputs)
    const z = v128.load(inputs, 16)
    const a = v128.load(weights)
    const b = v128.load(weights, 16)
    const c = v128.load(weights, 32)
    const d = v128.load(weights, 48)
    a0 = multiplyAdd(a0, a, x)
    a1 = multiplyAdd(a1, a, z)
    b0 = multiplyAdd(b0, b, x)
    b1 = multiplyAdd(b1, b, z)
    c0 = multiplyAdd(c0, c, x)
    c1 = multiplyAdd(c1, c, z)
    d0 = multiplyAdd(d0, d, x)
    d1 = multiplyAdd(d1, d, z)
    weights += 64
    inputs += 32
  }
  v128.store(sums, a0)
  v128.store(sums, a1, 16)
  v128.store(sums, b0, 32)
  v128.store(sums, b1, 48)
  v128.store(sums, c0, 64)
  v128.store(sums, c1, 80)
  v128.store(sums, d0, 96)
  v128.store(sums, d1, 112)
}

/** Adds up even and odd sums and lanes of a tile's `rows` (1 to 4) results in y, and in z for the second input. */
export function storeSums (even: usize, odd: usize, rows: usize, y: usize, z: usize): void {
  for (let i: usize = 0; i < rows; i++) {
    const offset = i << 5
    store<f32>(y + (i << 2), sumLanes(f32x4.add(v128.load(even + offset), v128.load(odd + offset))))
    store<f32>(z + (i << 2), sumLanes(f32x4.add(v128.load(even + offset, 16), v128.load(odd + offset, 16))))
  }
}

/** The same for sums that are already one vector a result. */
export function storeTotals (sums: usize, rows: usize, y: usize, z: usize): void {
  for (let i: usize = 0; i < rows; i++) {
    store<f32>(y + (i << 2), sumLanes(v128.load(sums + (i << 5))))
    store<f32>(z + (i << 2), sumLanes(v128.load(sums + (i << 5), 16)))
  }
}
