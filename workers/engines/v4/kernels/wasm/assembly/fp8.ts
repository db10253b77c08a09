import { loadScale, lookUp, multiplyAdd, sumLanes, unpackBytesHigh, unpackBytesLow, widenHigh, widenLow } from './lanes'

const blockWidth: usize = 128

/**
 * E4M3 to bfloat16: rebasing the exponent by 120 moves the 4 low bits (one exponent bit, three of mantissa) to the
 * top of the second byte and adds 60 to the three exponent bits above them. Exponent 0 does not follow that rule.
 */
// @ts-ignore: decorator
@inline
function highBytes (codes: v128): v128 {
  const table = i8x16(60, 61, 62, 63, 64, 65, 66, 67, -68, -67, -66, -65, -64, -63, -62, -61)
  return lookUp(table, v128.and(i16x8.shr_u(codes, 4), i8x16.splat(15)))
}

// @ts-ignore: decorator
@inline
function lowBytes (codes: v128): v128 {
  return v128.and(i16x8.shl(codes, 4), i8x16.splat(-16))
}

/** Lanes whose exponent bits are all 0: zeros and subnormals, rare in trained weights. */
// @ts-ignore: decorator
@inline
function subnormalLanes (codes: v128): v128 {
  return i8x16.eq(v128.and(codes, i8x16.splat(0x78)), i8x16.splat(0))
}

// @ts-ignore: decorator
@inline
function subnormalHighBytes (codes: v128): v128 {
  const table = i8x16(0, 0x3b, 0x3b, 0x3b, 0x3c, 0x3c, 0x3c, 0x3c, 0, 0, 0, 0, 0, 0, 0, 0)
  return v128.or(lookUp(table, v128.and(codes, i8x16.splat(7))), v128.and(codes, i8x16.splat(-128)))
}

// @ts-ignore: decorator
@inline
function subnormalLowBytes (codes: v128): v128 {
  return lookUp(i8x16(0, 0, -128, -64, 0, 0x20, 0x40, 0x60, 0, 0, 0, 0, 0, 0, 0, 0), v128.and(codes, i8x16.splat(7)))
}

function decodeByte (code: u32): f32 {
  const magnitude = code & 0x7f
  const value: f32 = magnitude < 8 ? <f32>magnitude * <f32>(1.0 / 512.0) : reinterpret<f32>((magnitude << 20) + (120 << 23))
  return code & 0x80 ? -value : value
}

/**
 * E4M3 bits moved to the place of an f32's make value * 2^-120, subnormals included. Inputs are lifted by 2^60
 * beforehand so that products stay far from the small end of f32, and sums are brought back by another 2^60.
 */
const lift: f32 = reinterpret<f32>((127 + 60) << 23)

export function prepareFp8 (maskAddress: usize): void {
  v128.store(maskAddress, i32x4.splat(0x87f00000))
}

/** Copies x for `dotTwoFp8`: lifted, and every 16 floats transposed as a 4x4 square. Floats behind the last 16 of each row are left out. */
export function arrangeFp8Input (x: usize, columns: usize, target: usize): void {
  const factor = f32x4.splat(lift)
  const end = x + ((columns & ~15) << 2)
  while (x < end) {
    const a = f32x4.mul(v128.load(x), factor)
    const b = f32x4.mul(v128.load(x, 16), factor)
    const c = f32x4.mul(v128.load(x, 32), factor)
    const d = f32x4.mul(v128.load(x, 48), factor)
    const abLow = v128.shuffle<f32>(a, b, 0, 4, 1, 5)
    const abHigh = v128.shuffle<f32>(a, b, 2, 6, 3, 7)
    const cdLow = v128.shuffle<f32>(c, d, 0, 4, 1, 5)
    const cdHigh = v128.shuffle<f32>(c, d, 2, 6, 3, 7)
    v128.store(target, v128.shuffle<f32>(abLow, cdLow, 0, 1, 4, 5))
    v128.store(target, v128.shuffle<f32>(abLow, cdLow, 2, 3, 6, 7), 16)
    v128.store(target, v128.shuffle<f32>(abHigh, cdHigh, 0, 1, 4, 5), 32)
    v128.store(target, v128.shuffle<f32>(abHigh, cdHigh, 2, 3, 6, 7), 48)
    x += 64
    target += 64
  }
}

/** Sign, exponent and mantissa of the upper 16-bit half of each lane; the mask is passed so that loops keep it in a register. */
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

/** The last `columns & 15` products of a row, whose block scale is at `scale`. */
function dotTail (weights: usize, scale: usize, x: usize, columns: usize): f32 {
  let sum: f32 = 0
  for (let i: usize = 0; i < columns; i++) sum += decodeByte(load<u8>(weights + i)) * load<f32>(x + (i << 2))
  return sum * loadScale(scale)
}

/** Products of two rows with x (`arranged` by arrangeFp8Input), stored or added at y and z. */
export function dotTwoFp8 (weights: usize, otherWeights: usize, scales: usize, otherScales: usize, arranged: usize, x: usize, columns: usize, y: usize, z: usize, add: u32, maskAddress: usize): void {
  const mask = v128.load(maskAddress)
  let sum = f32x4.splat(0)
  let otherSum = f32x4.splat(0)
  let left = columns & ~15
  const back = f32x4.splat(lift)
  while (left > 0) {
    const width = min(left, blockWidth)
    const end = weights + width
    let a = f32x4.splat(0)
    let b = f32x4.splat(0)
    let c = f32x4.splat(0)
    let d = f32x4.splat(0)
    while (weights < end) {
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
    sum = multiplyAdd(sum, f32x4.mul(f32x4.add(a, b), back), f32x4.splat(loadScale(scales)))
    otherSum = multiplyAdd(otherSum, f32x4.mul(f32x4.add(c, d), back), f32x4.splat(loadScale(otherScales)))
    left -= width
    if (width == blockWidth) {
      scales += 1
      otherScales += 1
    }
  }
  const tail = columns & 15
  const input = x + ((columns - tail) << 2)
  let first = sumLanes(sum) + dotTail(weights, scales, input, tail)
  let second = sumLanes(otherSum) + dotTail(otherWeights, otherScales, input, tail)
  if (add) {
    first += load<f32>(y)
    second += load<f32>(z)
  }
  store<f32>(y, first)
  store<f32>(z, second)
}

/** Decodes `columns` weights that begin at a block boundary to f32, scaled, as one row of a quad; zero-padded to 4 columns. */
export function decodeFp8 (weights: usize, scales: usize, columns: usize, target: usize): void {
  let left = columns
  while (left > 0) {
    const width = min(left, blockWidth)
    const scale = loadScale(scales)
    const lanesScale = f32x4.splat(scale)
    const vectorEnd = weights + (width & ~15)
    while (weights < vectorEnd) {
      const codes = v128.load(weights)
      let high = highBytes(codes)
      let low = lowBytes(codes)
      const lanes = subnormalLanes(codes)
      if (v128.any_true(lanes)) {
        high = v128.bitselect(subnormalHighBytes(codes), high, lanes)
        low = v128.bitselect(subnormalLowBytes(codes), low, lanes)
      }
      const first = unpackBytesLow(low, high)
      const last = unpackBytesHigh(low, high)
      v128.store(target, f32x4.mul(widenLow(first), lanesScale))
      v128.store(target, f32x4.mul(widenHigh(first), lanesScale), 64)
      v128.store(target, f32x4.mul(widenLow(last), lanesScale), 128)
      v128.store(target, f32x4.mul(widenHigh(last), lanesScale), 192)
      weights += 16
      target += 256
    }
    const tail = width & 15
    for (let i: usize = 0; i < tail; i++) {
      if (!(i & 3)) v128.store(target + (i << 4), i32x4.splat(0))
      store<f32>(target + ((i & ~3) << 4) + ((i & 3) << 2), decodeByte(load<u8>(weights + i)) * scale)
    }
    left -= width
    scales += 1
  }
}
