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

export function dotFp8 (weights: usize, scales: usize, x: usize, columns: usize): f32 {
  let sum = f32x4.splat(0)
  let rest: f32 = 0
  let left = columns
  while (left > 0) {
    const width = min(left, blockWidth)
    const scale = loadScale(scales)
    const vectorEnd = weights + (width & ~15)
    let a = f32x4.splat(0)
    let b = f32x4.splat(0)
    let c = f32x4.splat(0)
    let d = f32x4.splat(0)
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
      a = multiplyAdd(a, widenLow(first), v128.load(x))
      b = multiplyAdd(b, widenHigh(first), v128.load(x, 16))
      c = multiplyAdd(c, widenLow(last), v128.load(x, 32))
      d = multiplyAdd(d, widenHigh(last), v128.load(x, 48))
      weights += 16
      x += 64
    }
    sum = multiplyAdd(sum, f32x4.add(f32x4.add(a, b), f32x4.add(c, d)), f32x4.splat(scale))
    for (let tail = width & 15; tail > 0; tail--) {
      rest += decodeByte(load<u8>(weights)) * load<f32>(x) * scale
      weights += 1
      x += 4
    }
    left -= width
    scales += 1
  }
  return sumLanes(sum) + rest
}

/** Decodes `columns` weights that begin at a block boundary to f32, scaled. */
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
      v128.store(target, f32x4.mul(widenHigh(first), lanesScale), 16)
      v128.store(target, f32x4.mul(widenLow(last), lanesScale), 32)
      v128.store(target, f32x4.mul(widenHigh(last), lanesScale), 48)
      weights += 16
      target += 64
    }
    for (let tail = width & 15; tail > 0; tail--) {
      store<f32>(target, decodeByte(load<u8>(weights)) * scale)
      weights += 1
      target += 4
    }
    left -= width
    scales += 1
  }
}
