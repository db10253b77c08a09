/** Codes of the three small formats of V4 weights: E4M3 (fn), E2M1 and E8M0 (V4 section 2.1). */

const double = new Float64Array(1)
const words = new Uint32Array(double.buffer)

/** floor(log2(|value|)) for a normal f64. */
function exponentOf (value: number): number {
  double[0] = value
  return (((words[1] ?? 0) >>> 20) & 0x7ff) - 1023
}

/** Nearest integer, ties to even, for 0 <= value < 2^51. */
function roundHalfEven (value: number): number {
  return value + 2 ** 52 - 2 ** 52
}

/** |value| rounded to a grid of `mantissaBits` with smallest normal exponent `minimumExponent`, ties to even. */
function roundMagnitude (magnitude: number, mantissaBits: number, minimumExponent: number): number {
  const step = 2 ** (Math.max(exponentOf(magnitude), minimumExponent) - mantissaBits)
  return roundHalfEven(magnitude / step) * step
}

/** `value` rounded to E4M3, clamped to ±448 first; NaN stays NaN. */
export function roundToE4m3 (value: number): number {
  const magnitude = roundMagnitude(Math.min(Math.abs(value), 448), 3, -6)
  return value < 0 || Object.is(value, -0) ? -magnitude : magnitude
}

/** `value` rounded to E2M1, clamped to ±6 first; NaN stays NaN. */
export function roundToE2m1 (value: number): number {
  const magnitude = roundMagnitude(Math.min(Math.abs(value), 6), 1, 0)
  return value < 0 || Object.is(value, -0) ? -magnitude : magnitude
}

/** Values of the 256 E4M3 codes; 0x7f and 0xff are NaN. */
export const e4m3Values: Float32Array = Float32Array.from({ length: 256 }, (_, code) => {
  const exponent = (code >> 3) & 15
  const mantissa = code & 7
  if (exponent === 15 && mantissa === 7) return NaN
  const magnitude = exponent === 0 ? mantissa * 2 ** -9 : (8 + mantissa) * 2 ** (exponent - 10)
  return code & 0x80 ? -magnitude : magnitude
})

/** Values of the 16 E2M1 codes. */
export const e2m1Values: Float32Array = Float32Array.of(0, 0.5, 1, 1.5, 2, 3, 4, 6, -0, -0.5, -1, -1.5, -2, -3, -4, -6)

/** Values of the 256 E8M0 codes, 2^(code-127); 255 is NaN. */
export const e8m0Values: Float32Array = Float32Array.from({ length: 256 }, (_, code) => code === 255 ? NaN : 2 ** (code - 127))

/** The E4M3 code nearest to `value`, clamped to ±448. */
export function encodeE4m3 (value: number): number {
  if (Number.isNaN(value)) return 0x7f
  const rounded = roundToE4m3(value)
  const sign = rounded < 0 || Object.is(rounded, -0) ? 0x80 : 0
  const magnitude = Math.abs(rounded)
  const exponent = Math.max(exponentOf(magnitude), -7)
  if (exponent === -7) return sign | magnitude * 2 ** 9
  return sign | (exponent + 7) << 3 | (magnitude * 2 ** (3 - exponent) - 8)
}

/** The E2M1 code nearest to `value`, clamped to ±6. NaN has no code and becomes 0. */
export function encodeE2m1 (value: number): number {
  if (Number.isNaN(value)) return 0
  const rounded = roundToE2m1(value)
  const sign = rounded < 0 || Object.is(rounded, -0) ? 8 : 0
  const magnitude = Math.abs(rounded)
  if (magnitude < 1) return sign | magnitude * 2
  const exponent = exponentOf(magnitude)
  return sign | (exponent + 1) << 1 | (magnitude * 2 ** (1 - exponent) - 2)
}

/**
 * The E8M0 code of a power of two between 2^-127 and 2^127.
 * @throws RangeError for any other number
 */
export function encodeE8m0 (value: number): number {
  if (Number.isNaN(value)) return 255
  const code = exponentOf(value) + 127
  if (code < 0 || code > 254 || 2 ** (code - 127) !== value) throw new RangeError(`${value} is not a power of two that E8M0 can hold`)
  return code
}

/** Smallest power of two >= value for a positive normal number; exact powers map to themselves (V4 section 2.2). */
export function powerOfTwoCeiling (value: number): number {
  const floor = 2 ** exponentOf(value)
  return floor === value ? floor : floor * 2
}
