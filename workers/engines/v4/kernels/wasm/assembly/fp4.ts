import { lookUp, multiplyAdd, stepAhead, sumLanes } from './lanes'

/**
 * FP4 products run on integers: twice an E2M1 value is an integer up to 12, and inputs are rounded to 16 bits with
 * one scale per 32 columns, so that a pairwise 16-bit dot product does the work. Weights stay exact.
 */
const groupColumns: usize = 32
const groupBytes: usize = 16
/** Bytes of a group as 16-bit numbers: four vectors, vector j holding the elements 4i + j. */
const wideGroupBytes: usize = 64
const largestInput: f32 = 32767
/** Weights carry a factor 2 (half steps) and 256 (they sit in the upper byte of a 16-bit lane). */
const weightFactor: f32 = 512

/**
 * V8 builds a vector constant anew in every turn of a loop, at several instructions each. These are therefore
 * kept in memory, where `prepareFp4` puts them once, and are loaded ahead of the loops.
 */
export const fp4ConstantBytes: usize = 64
const lowNibblesAt: usize = 0
const doubledAt: usize = 16
const upperBytesAt: usize = 32
const smallestScaleAt: usize = 48

export function prepareFp4 (constants: usize): void {
  v128.store(constants + lowNibblesAt, i8x16.splat(15))
  v128.store(constants + doubledAt, i8x16(0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12))
  v128.store(constants + upperBytesAt, i16x8.splat(-256))
  v128.store(constants + smallestScaleAt, i32x4.splat(0x00400000))
}

// @ts-ignore: decorator
@inline
function largestLane (v: v128): f32 {
  const pairs = f32x4.max(v, v128.shuffle<f32>(v, v, 2, 3, 0, 1))
  return max<f32>(f32x4.extract_lane(pairs, 0), f32x4.extract_lane(pairs, 1))
}

// @ts-ignore: decorator
@inline
function roundToInt (address: usize, factor: v128): v128 {
  return i32x4.trunc_sat_f32x4_s(f32x4.nearest(f32x4.mul(v128.load(address), factor)))
}

/** Rounds 32 floats and stores the four vectors of a group, `stride` bytes apart. */
function storeGroup (x: usize, factor: v128, target: usize, stride: usize): void {
  const a = roundToInt(x, factor)
  const b = roundToInt(x + 16, factor)
  const c = roundToInt(x + 32, factor)
  const d = roundToInt(x + 48, factor)
  const e = roundToInt(x + 64, factor)
  const f = roundToInt(x + 80, factor)
  const g = roundToInt(x + 96, factor)
  const h = roundToInt(x + 112, factor)
  const abLow = v128.shuffle<f32>(a, b, 0, 4, 1, 5)
  const cdLow = v128.shuffle<f32>(c, d, 0, 4, 1, 5)
  const efLow = v128.shuffle<f32>(e, f, 0, 4, 1, 5)
  const ghLow = v128.shuffle<f32>(g, h, 0, 4, 1, 5)
  v128.store(target, i16x8.narrow_i32x4_s(v128.shuffle<f32>(abLow, cdLow, 0, 1, 4, 5), v128.shuffle<f32>(efLow, ghLow, 0, 1, 4, 5)))
  v128.store(target + stride, i16x8.narrow_i32x4_s(v128.shuffle<f32>(abLow, cdLow, 2, 3, 6, 7), v128.shuffle<f32>(efLow, ghLow, 2, 3, 6, 7)))
  const abHigh = v128.shuffle<f32>(a, b, 2, 6, 3, 7)
  const cdHigh = v128.shuffle<f32>(c, d, 2, 6, 3, 7)
  const efHigh = v128.shuffle<f32>(e, f, 2, 6, 3, 7)
  const ghHigh = v128.shuffle<f32>(g, h, 2, 6, 3, 7)
  v128.store(target + 2 * stride, i16x8.narrow_i32x4_s(v128.shuffle<f32>(abHigh, cdHigh, 0, 1, 4, 5), v128.shuffle<f32>(efHigh, ghHigh, 0, 1, 4, 5)))
  v128.store(target + 3 * stride, i16x8.narrow_i32x4_s(v128.shuffle<f32>(abHigh, cdHigh, 2, 3, 6, 7), v128.shuffle<f32>(efHigh, ghHigh, 2, 3, 6, 7)))
}

/**
 * Rounds one input to 16-bit numbers with one f32 scale a group. The vectors of several inputs (or rows) that are used
 * together lie side by side: `ways` of them.
 */
export function roundFp4Input (x: usize, columns: usize, target: usize, scales: usize, ways: usize): void {
  const end = x + (columns << 2)
  while (x < end) {
    let largest = f32x4.abs(v128.load(x))
    for (let i: usize = 16; i < groupColumns << 2; i += 16) largest = f32x4.max(largest, f32x4.abs(v128.load(x + i)))
    const limit = largestLane(largest)
    const factor: f32 = limit > 0 ? largestInput / limit : 0
    storeGroup(x, f32x4.splat(factor), target, ways << 4)
    store<f32>(scales, limit / (largestInput * weightFactor))
    x += groupColumns << 2
    target += wideGroupBytes * ways
    scales += ways << 2
  }
}

/** Bytes 0, 2, 4... in the upper half of their 16-bit lane; odd bytes get there with a mask. */
// @ts-ignore: decorator
@inline
function evenBytes (bytes: v128): v128 {
  return i16x8.shl(bytes, 8)
}

/** In every lane the value of an E8M0 byte; code 0 is subnormal in f32. */
// @ts-ignore: decorator
@inline
function scaleLanes (address: usize, smallest: v128): v128 {
  return i32x4.max_u(i32x4.shl(i32x4.splat(<i32>load<u8>(address)), 23), smallest)
}

/** Products of two rows with one rounded input, stored or added at y and z. @param ahead rows to touch, as long as both, or 0 */
export function dotTwoFp4 (weights: usize, otherWeights: usize, scales: usize, otherScales: usize, input: usize, inputScales: usize, columns: usize, y: usize, z: usize, add: u32, ahead: usize, constants: usize): void {
  const lowNibbles = v128.load(constants, lowNibblesAt)
  const doubled = v128.load(constants, doubledAt)
  const upperBytes = v128.load(constants, upperBytesAt)
  const smallestScale = v128.load(constants, smallestScaleAt)
  let sum = f32x4.splat(0)
  let otherSum = f32x4.splat(0)
  const touched = stepAhead(ahead, 2 * groupBytes)
  const end = weights + (columns >> 1)
  while (weights < end) {
    load<u8>(ahead)
    ahead += touched
    const x0 = v128.load(input)
    const x1 = v128.load(input, 16)
    const x2 = v128.load(input, 32)
    const x3 = v128.load(input, 48)
    const inputScale = v128.load32_splat(inputScales)
    let packed = v128.load(weights)
    let values = lookUp(doubled, v128.and(packed, lowNibbles))
    let first = i32x4.add(i32x4.dot_i16x8_s(evenBytes(values), x0), i32x4.dot_i16x8_s(v128.and(values, upperBytes), x2))
    values = lookUp(doubled, v128.and(i16x8.shr_u(packed, 4), lowNibbles))
    let second = i32x4.add(i32x4.dot_i16x8_s(evenBytes(values), x1), i32x4.dot_i16x8_s(v128.and(values, upperBytes), x3))
    sum = multiplyAdd(sum, f32x4.mul(f32x4.convert_i32x4_s(i32x4.add(first, second)), inputScale), scaleLanes(scales, smallestScale))
    packed = v128.load(otherWeights)
    values = lookUp(doubled, v128.and(packed, lowNibbles))
    first = i32x4.add(i32x4.dot_i16x8_s(evenBytes(values), x0), i32x4.dot_i16x8_s(v128.and(values, upperBytes), x2))
    values = lookUp(doubled, v128.and(i16x8.shr_u(packed, 4), lowNibbles))
    second = i32x4.add(i32x4.dot_i16x8_s(evenBytes(values), x1), i32x4.dot_i16x8_s(v128.and(values, upperBytes), x3))
    otherSum = multiplyAdd(otherSum, f32x4.mul(f32x4.convert_i32x4_s(i32x4.add(first, second)), inputScale), scaleLanes(otherScales, smallestScale))
    weights += groupBytes
    otherWeights += groupBytes
    scales += 1
    otherScales += 1
    input += wideGroupBytes
    inputScales += 4
  }
  let value = sumLanes(sum)
  let other = sumLanes(otherSum)
  if (add) {
    value += load<f32>(y)
    other += load<f32>(z)
  }
  store<f32>(y, value)
  store<f32>(z, other)
}

/** Unpacks one row of a quad to 16-bit numbers arranged like inputs, and its scales to f32. */
export function unpackFp4 (weights: usize, scales: usize, columns: usize, target: usize, targetScales: usize, constants: usize): void {
  const lowNibbles = v128.load(constants, lowNibblesAt)
  const doubled = v128.load(constants, doubledAt)
  const upperBytes = v128.load(constants, upperBytesAt)
  const end = weights + (columns >> 1)
  while (weights < end) {
    const packed = v128.load(weights)
    const low = lookUp(doubled, v128.and(packed, lowNibbles))
    const high = lookUp(doubled, v128.and(i16x8.shr_u(packed, 4), lowNibbles))
    v128.store(target, evenBytes(low))
    v128.store(target, evenBytes(high), 64)
    v128.store(target, v128.and(low, upperBytes), 128)
    v128.store(target, v128.and(high, upperBytes), 192)
    store<u32>(targetScales, max<u32>(<u32>load<u8>(scales) << 23, 0x00400000))
    weights += groupBytes
    scales += 1
    target += 4 * wideGroupBytes
    targetScales += 16
  }
}

// @ts-ignore: decorator
@inline
function addScaled (address: usize, products: v128, scale: v128, inputScale: v128): void {
  v128.store(address, multiplyAdd(v128.load(address), f32x4.mul(f32x4.convert_i32x4_s(products), inputScale), scale))
}

/**
 * Four unpacked rows times two rounded inputs: adds eight vectors at `sums`, row by row, whose lanes are still to be
 * added up. The inner loop is kept small: V8 gathers the loads of a straight run at its top and would spill them.
 */
export function tileFp4 (weights: usize, scales: usize, inputs: usize, inputScales: usize, columns: usize, sums: usize): void {
  const end = weights + (columns << 3)
  while (weights < end) {
    let a0 = i32x4.splat(0)
    let a1 = i32x4.splat(0)
    let b0 = i32x4.splat(0)
    let b1 = i32x4.splat(0)
    let c0 = i32x4.splat(0)
    let c1 = i32x4.splat(0)
    let d0 = i32x4.splat(0)
    let d1 = i32x4.splat(0)
    const groupEnd = weights + 4 * wideGroupBytes
    do {
      const x = v128.load(inputs)
      const z = v128.load(inputs, 16)
      const a = v128.load(weights)
      const b = v128.load(weights, 16)
      const c = v128.load(weights, 32)
      const d = v128.load(weights, 48)
      a0 = i32x4.add(a0, i32x4.dot_i16x8_s(a, x))
      a1 = i32x4.add(a1, i32x4.dot_i16x8_s(a, z))
      b0 = i32x4.add(b0, i32x4.dot_i16x8_s(b, x))
      b1 = i32x4.add(b1, i32x4.dot_i16x8_s(b, z))
      c0 = i32x4.add(c0, i32x4.dot_i16x8_s(c, x))
      c1 = i32x4.add(c1, i32x4.dot_i16x8_s(c, z))
      d0 = i32x4.add(d0, i32x4.dot_i16x8_s(d, x))
      d1 = i32x4.add(d1, i32x4.dot_i16x8_s(d, z))
      weights += 64
      inputs += 32
    } while (weights < groupEnd)
    const first = v128.load32_splat(inputScales)
    const second = v128.load32_splat(inputScales, 4)
    let scale = v128.load32_splat(scales)
    addScaled(sums, a0, scale, first)
    addScaled(sums + 16, a1, scale, second)
    scale = v128.load32_splat(scales, 4)
    addScaled(sums + 32, b0, scale, first)
    addScaled(sums + 48, b1, scale, second)
    scale = v128.load32_splat(scales, 8)
    addScaled(sums + 64, c0, scale, first)
    addScaled(sums + 80, c1, scale, second)
    scale = v128.load32_splat(scales, 12)
    addScaled(sums + 96, d0, scale, first)
    addScaled(sums + 112, d1, scale, second)
    inputScales += 8
    scales += 16
  }
}
