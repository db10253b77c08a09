/** Small building blocks; all are inlined. */

/** sum + a * b, fused where relaxed SIMD is compiled in. */
// @ts-ignore: decorator
@inline
export function multiplyAdd (sum: v128, a: v128, b: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, sum)
  return f32x4.add(sum, f32x4.mul(a, b))
}

// @ts-ignore: decorator
@inline
export function sumLanes (v: v128): f32 {
  const pairs = f32x4.add(v, v128.shuffle<f32>(v, v, 2, 3, 0, 1))
  return f32x4.extract_lane(pairs, 0) + f32x4.extract_lane(pairs, 1)
}

/** The sums of the lanes of four vectors, each added up as `sumLanes` does. */
// @ts-ignore: decorator
@inline
export function sumQuads (a: v128, b: v128, c: v128, d: v128): v128 {
  const ab = f32x4.add(v128.shuffle<f32>(a, b, 0, 4, 1, 5), v128.shuffle<f32>(a, b, 2, 6, 3, 7))
  const cd = f32x4.add(v128.shuffle<f32>(c, d, 0, 4, 1, 5), v128.shuffle<f32>(c, d, 2, 6, 3, 7))
  return f32x4.add(v128.shuffle<f32>(ab, cd, 0, 1, 4, 5), v128.shuffle<f32>(ab, cd, 2, 3, 6, 7))
}

// @ts-ignore: decorator
@inline
export function lookUp (table: v128, codes: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return i8x16.relaxed_swizzle(table, codes)
  return i8x16.swizzle(table, codes)
}

/** The value of an E8M0 byte; code 0 is subnormal in f32. */
// @ts-ignore: decorator
@inline
export function loadScale (address: usize): f32 {
  const code = <u32>load<u8>(address)
  return reinterpret<f32>(select<u32>(code << 23, 0x00400000, code != 0))
}

/** Four bfloat16 codes of the first half as f32. */
// @ts-ignore: decorator
@inline
export function widenLow (codes: v128): v128 {
  return v128.shuffle<i16>(i16x8.splat(0), codes, 0, 8, 1, 9, 2, 10, 3, 11)
}

// @ts-ignore: decorator
@inline
export function widenHigh (codes: v128): v128 {
  return v128.shuffle<i16>(i16x8.splat(0), codes, 4, 12, 5, 13, 6, 14, 7, 15)
}

/**
 * How far to go on with touching what comes next after each turn of a loop. A touch is a load whose value nobody uses:
 * WebAssembly has no prefetch, and may not leave out a load, which could trap. Nothing ahead is address 0, which can be read too.
 */
// @ts-ignore: decorator
@inline
export function stepAhead (ahead: usize, bytes: usize): usize {
  return ahead ? bytes : 0
}
