import { loadScale, multiplyAdd, stepAhead, sumLanes } from './lanes'
import { sumBytes } from './tile'

const blockWidth: usize = 128
const groupColumns: usize = 16

/**
 * E4M3 bits moved to the place of an f32's make value * 2^-120, subnormals included. Inputs are lifted by 2^60
 * so that products stay far from the small end of f32, and sums are brought back by another 2^60.
 */
const lift: f32 = reinterpret<f32>((127 + 60) << 23)

/** See `fp4ConstantBytes`: the mask of sign, exponent and mantissa bits, and room for two partial groups. */
export const fp8ConstantBytes: usize = 48

export function prepareFp8 (constants: usize): void {
  v128.store(constants, i32x4.splat(0x87f00000))
}

/**
 * Copies up to 16 floats lifted and zero-padded: vector j holds the floats 4i + j. Vectors 0 and 1 go to `front`,
 * 2 and 3 to `back`, `step` bytes apart.
 */
function arrangeGroup (x: usize, count: usize, front: usize, back: usize, step: usize): void {
  if (count < groupColumns) return padGroup(x, count, front, back, step)
  const factor = f32x4.splat(lift)
  const a = f32x4.mul(v128.load(x), factor)
  const b = f32x4.mul(v128.load(x, 16), factor)
  const c = f32x4.mul(v128.load(x, 32), factor)
  const d = f32x4.mul(v128.load(x, 48), factor)
  const abLow = v128.shuffle<f32>(a, b, 0, 4, 1, 5)
  const abHigh = v128.shuffle<f32>(a, b, 2, 6, 3, 7)
  const cdLow = v128.shuffle<f32>(c, d, 0, 4, 1, 5)
  const cdHigh = v128.shuffle<f32>(c, d, 2, 6, 3, 7)
  v128.store(front, v128.shuffle<f32>(abLow, cdLow, 0, 1, 4, 5))
  v128.store(front + step, v128.shuffle<f32>(abLow, cdLow, 2, 3, 6, 7))
  v128.store(back, v128.shuffle<f32>(abHigh, cdHigh, 0, 1, 4, 5))
  v128.store(back + step, v128.shuffle<f32>(abHigh, cdHigh, 2, 3, 6, 7))
}

function padGroup (x: usize, count: usize, front: usize, back: usize, step: usize): void {
  const zero = f32x4.splat(0)
  v128.store(front, zero)
  v128.store(front + step, zero)
  v128.store(back, zero)
  v128.store(back + step, zero)
  for (let i: usize = 0; i < count; i++) {
    const vector = (i & 2 ? back : front) + (i & 1) * step
    store<f32>(vector + (i & ~3), load<f32>(x + (i << 2)) * lift)
  }
}

/** Arranges one input for `dotTwoFp8`: 64 bytes a group, vectors in order. */
export function arrangeFp8Input (x: usize, columns: usize, target: usize): void {
  for (let c: usize = 0; c < columns; c += groupColumns) {
    arrangeGroup(x + (c << 2), min(columns - c, groupColumns), target, target + 32, 16)
    target += 64
  }
}

/** Arranges one input of a pair for `tileFp8`: of each block first vectors 0 and 1 of all groups, then vectors 2 and 3. */
export function arrangeFp8Pair (x: usize, columns: usize, target: usize): void {
  for (let c: usize = 0; c < columns; c += blockWidth) {
    const width = min(columns - c, blockWidth)
    const half = (width + 15 >> 4) << 6
    for (let i: usize = 0; i < width; i += groupColumns) {
      arrangeGroup(x + (c + i << 2), min(width - i, groupColumns), target, target + half, 32)
      target += 64
    }
    target += half
  }
}

// @ts-ignore: decorator
@inline
function upper (pairs: v128, mask: v128): v128 {
  return v128.and(pairs, mask)
}

// @ts-ignore: decorator
@inline
function lower (pairs: v128, mask: v128): v128 {
  return v128.and(i32x4.shl(pairs, 16), mask)
}

// @ts-ignore: decorator
@inline
function oddBytes (codes: v128): v128 {
  return i16x8.shr_s(codes, 4)
}

// @ts-ignore: decorator
@inline
function evenBytes (codes: v128): v128 {
  return i16x8.shr_s(i16x8.shl(codes, 8), 4)
}

/** The last codes of a row as a whole group, zero-padded at `target`. */
function padCodes (weights: usize, count: usize, target: usize): usize {
  v128.store(target, i32x4.splat(0))
  memory.copy(target, weights, count)
  return target
}

/** What the sum of a block adds to the sum of its row. */
// @ts-ignore: decorator
@inline
function scaled (sum: v128, even: v128, odd: v128, scale: f32): v128 {
  return multiplyAdd(sum, f32x4.mul(f32x4.add(even, odd), f32x4.splat(lift)), f32x4.splat(scale))
}

/** Products of two rows with an arranged input, stored or added at y and z. @param ahead rows to touch, as long as both, or 0 */
export function dotTwoFp8 (weights: usize, otherWeights: usize, scales: usize, otherScales: usize, arranged: usize, columns: usize, y: usize, z: usize, add: u32, ahead: usize, constants: usize): void {
  const mask = v128.load(constants)
  let sum = f32x4.splat(0)
  let otherSum = f32x4.splat(0)
  const touched = stepAhead(ahead, 2 * groupColumns)
  let left = columns
  while (left > 0) {
    const width = min(left, blockWidth)
    let end = weights + (width & ~15)
    let tail = width & 15
    let a = f32x4.splat(0)
    let b = f32x4.splat(0)
    let c = f32x4.splat(0)
    let d = f32x4.splat(0)
    while (true) {
      while (weights < end) {
        load<u8>(ahead)
        ahead += touched
        const x0 = v128.load(arranged)
        const x1 = v128.load(arranged, 16)
        const x2 = v128.load(arranged, 32)
        const x3 = v128.load(arranged, 48)
        let codes = v128.load(weights)
        let pairs = evenBytes(codes)
        a = multiplyAdd(a, lower(pairs, mask), x0)
        b = multiplyAdd(b, upper(pairs, mask), x2)
        pairs = oddBytes(codes)
        a = multiplyAdd(a, lower(pairs, mask), x1)
        b = multiplyAdd(b, upper(pairs, mask), x3)
        codes = v128.load(otherWeights)
        pairs = evenBytes(codes)
        c = multiplyAdd(c, lower(pairs, mask), x0)
        d = multiplyAdd(d, upper(pairs, mask), x2)
        pairs = oddBytes(codes)
        c = multiplyAdd(c, lower(pairs, mask), x1)
        d = multiplyAdd(d, upper(pairs, mask), x3)
        weights += 16
        otherWeights += 16
        arranged += 64
      }
      if (!tail) break
      weights = padCodes(weights, tail, constants + 16)
      otherWeights = padCodes(otherWeights, tail, constants + 32)
      end = weights + 16
      tail = 0
    }
    sum = scaled(sum, a, b, loadScale(scales))
    otherSum = scaled(otherSum, c, d, loadScale(otherScales))
    left -= width
    scales += 1
    otherScales += 1
  }
  let first = sumLanes(sum)
  let second = sumLanes(otherSum)
  if (add) {
    first += load<f32>(y)
    second += load<f32>(z)
  }
  store<f32>(y, first)
  store<f32>(z, second)
}

/** Decodes the `width` weights of one block as one row of a quad, laid out as `tileFp8` reads them, neither lifted nor scaled. */
export function decodeFp8 (weights: usize, width: usize, target: usize, constants: usize): void {
  const mask = v128.load(constants)
  let back = target + ((width + 15 >> 4) << 7)
  let end = weights + (width & ~15)
  let tail = width & 15
  while (true) {
    while (weights < end) {
      const codes = v128.load(weights)
      const even = evenBytes(codes)
      const odd = oddBytes(codes)
      v128.store(target, lower(even, mask))
      v128.store(target, lower(odd, mask), 64)
      v128.store(back, upper(even, mask))
      v128.store(back, upper(odd, mask), 64)
      weights += 16
      target += 128
      back += 128
    }
    if (!tail) return
    weights = padCodes(weights, tail, constants + 16)
    end = weights + 16
    tail = 0
  }
}

/**
 * A decoded quad times a pair over one block of `groups` groups of 16 columns: adds to the eight totals. Vectors 0 and 1
 * of all groups of a block come first, then vectors 2 and 3.
 */
export function tileFp8 (weights: usize, inputs: usize, groups: usize, scale: f32, totals: usize, scratch: usize): void {
  tileHalf(weights, inputs, groups, scratch)
  tileHalf(weights + (groups << 7), inputs + (groups << 6), groups, scratch + sumBytes)
  for (let i: usize = 0; i < sumBytes; i += 16) {
    v128.store(totals + i, scaled(v128.load(totals + i), v128.load(scratch + i), v128.load(scratch + sumBytes + i), scale))
  }
}

/** Two steps a group, from zero: the eight vectors go to `sums`. */
function tileHalf (weights: usize, inputs: usize, groups: usize, sums: usize): void {
  let a0 = f32x4.splat(0)
  let a1 = f32x4.splat(0)
  let b0 = f32x4.splat(0)
  let b1 = f32x4.splat(0)
  let c0 = f32x4.splat(0)
  let c1 = f32x4.splat(0)
  let d0 = f32x4.splat(0)
  let d1 = f32x4.splat(0)
  const end = weights + (groups << 7)
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
