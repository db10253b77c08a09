import { loadScale, lookUp, multiplyAdd, sumLanes, unpackBytesHigh, unpackBytesLow, widenHigh, widenLow } from './lanes'

const groupBytes: usize = 16
const groupFloats: usize = 32

/** First and second byte of the bfloat16 form of the 16 E2M1 values. */
// @ts-ignore: decorator
@inline
function highBytes (codes: v128): v128 {
  return lookUp(i8x16(0x00, 0x3f, 0x3f, 0x3f, 0x40, 0x40, 0x40, 0x40, -128, -65, -65, -65, -64, -64, -64, -64), codes)
}

// @ts-ignore: decorator
@inline
function lowBytes (codes: v128): v128 {
  return lookUp(i8x16(0, 0, -128, -64, 0, 64, -128, -64, 0, 0, -128, -64, 0, 64, -128, -64), codes)
}

/** The 32 codes of a group come in two halves of 16, in column order. */
// @ts-ignore: decorator
@inline
function firstCodes (packed: v128): v128 {
  const mask = i8x16.splat(15)
  return unpackBytesLow(v128.and(packed, mask), v128.and(i16x8.shr_u(packed, 4), mask))
}

// @ts-ignore: decorator
@inline
function lastCodes (packed: v128): v128 {
  const mask = i8x16.splat(15)
  return unpackBytesHigh(v128.and(packed, mask), v128.and(i16x8.shr_u(packed, 4), mask))
}

/** Unscaled dot product of 16 codes with 16 floats, in four lanes. */
// @ts-ignore: decorator
@inline
function dotCodes (codes: v128, x: usize): v128 {
  const high = highBytes(codes)
  const low = lowBytes(codes)
  const a = unpackBytesLow(low, high)
  const b = unpackBytesHigh(low, high)
  let even = f32x4.mul(widenLow(a), v128.load(x))
  let odd = f32x4.mul(widenHigh(a), v128.load(x, 16))
  even = multiplyAdd(even, widenLow(b), v128.load(x, 32))
  odd = multiplyAdd(odd, widenHigh(b), v128.load(x, 48))
  return f32x4.add(even, odd)
}

export function dotFp4 (weights: usize, scales: usize, x: usize, columns: usize): f32 {
  let sum = f32x4.splat(0)
  const end = x + (columns << 2)
  while (x < end) {
    const packed = v128.load(weights)
    const group = f32x4.add(dotCodes(firstCodes(packed), x), dotCodes(lastCodes(packed), x + 64))
    sum = multiplyAdd(sum, group, f32x4.splat(loadScale(scales)))
    weights += groupBytes
    scales += 1
    x += groupFloats << 2
  }
  return sumLanes(sum)
}

// @ts-ignore: decorator
@inline
function storeCodes (codes: v128, scale: v128, target: usize): void {
  const high = highBytes(codes)
  const low = lowBytes(codes)
  const a = unpackBytesLow(low, high)
  const b = unpackBytesHigh(low, high)
  v128.store(target, f32x4.mul(widenLow(a), scale))
  v128.store(target, f32x4.mul(widenHigh(a), scale), 16)
  v128.store(target, f32x4.mul(widenLow(b), scale), 32)
  v128.store(target, f32x4.mul(widenHigh(b), scale), 48)
}

/** Decodes `columns` weights (a multiple of 32) to f32, scaled. */
export function decodeFp4 (weights: usize, scales: usize, columns: usize, target: usize): void {
  const end = target + (columns << 2)
  while (target < end) {
    const packed = v128.load(weights)
    const scale = f32x4.splat(loadScale(scales))
    storeCodes(firstCodes(packed), scale, target)
    storeCodes(lastCodes(packed), scale, target + 64)
    weights += groupBytes
    scales += 1
    target += groupFloats << 2
  }
}
