import { multiplyAdd, sumLanes } from './lanes'

/**
 * Batched products work on tiles of four weight rows (a quad) and two inputs (a pair). Both are copied so that what a
 * step reads lies side by side: for every 4 columns the vectors of the four rows, or of the two inputs.
 */
export const quad: usize = 4
export const pair: usize = 2
/** The eight vectors that a tile sums up. */
export const sumBytes: usize = 128

/** Copies one f32 row to way 0 of `ways`, zero-padded to a multiple of 4 columns. */
export function interleave (source: usize, columns: usize, target: usize, ways: usize): void {
  const end = source + ((columns & ~3) << 2)
  while (source < end) {
    v128.store(target, v128.load(source))
    source += 16
    target += ways << 4
  }
  if (!(columns & 3)) return
  v128.store(target, i32x4.splat(0))
  memory.copy(target, source, (columns & 3) << 2)
}

/** Copies all inputs to pairs, each pair `columns` (a multiple of 4) times 8 bytes; an odd last one is its own partner. */
export function interleaveInputs (x: usize, xStride: usize, batch: usize, columns: usize, target: usize): void {
  const pairBytes = ((columns + 3) & ~3) << 3
  for (let b: usize = 0; b < batch; b += pair) {
    interleave(x + b * xStride, columns, target, pair)
    interleave(x + min(b + 1, batch - 1) * xStride, columns, target + 16, pair)
    target += pairBytes
  }
}

/** A quad times a pair over `steps` times 4 columns: eight vectors at `sums`, row by row, lanes still to be added up. */
export function tileF32 (weights: usize, inputs: usize, steps: usize, sums: usize): void {
  let a0 = f32x4.splat(0)
  let a1 = f32x4.splat(0)
  let b0 = f32x4.splat(0)
  let b1 = f32x4.splat(0)
  let c0 = f32x4.splat(0)
  let c1 = f32x4.splat(0)
  let d0 = f32x4.splat(0)
  let d1 = f32x4.splat(0)
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

/** Adds the lanes of a tile's sums to its `rows` (1 to 4) results in y, and in z for the second input. */
export function addSums (sums: usize, rows: usize, y: usize, z: usize): void {
  for (let i: usize = 0; i < rows; i++) {
    store<f32>(y, load<f32>(y) + sumLanes(v128.load(sums)))
    if (z != y) store<f32>(z, load<f32>(z) + sumLanes(v128.load(sums, 16)))
    sums += 32
    y += 4
    z += 4
  }
}
