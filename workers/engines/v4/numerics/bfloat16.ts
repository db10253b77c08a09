const float = new Float32Array(1)
const bits = new Uint32Array(float.buffer)

/** The value of a bfloat16 code. */
export function decodeBfloat16 (code: number): number {
  bits[0] = code << 16
  return float[0] ?? NaN
}

/** Nearest bfloat16 code of an f32 value, ties to even; NaN stays NaN. */
export function encodeBfloat16 (value: number): number {
  float[0] = value
  const word = bits[0] ?? 0
  if (Number.isNaN(value)) return (word >>> 16) | 0x40
  return ((word + 0x7fff + ((word >>> 16) & 1)) >>> 16) & 0xffff
}

/** `value` rounded to bfloat16 (after rounding to f32). */
export function roundToBfloat16 (value: number): number {
  return decodeBfloat16(encodeBfloat16(value))
}

/** Writes the values of little-endian bfloat16 bytes into `target`. */
export function expandBfloat16 (source: Uint8Array, target: Float32Array | Float64Array): void {
  for (let i = 0; i < target.length; i++) {
    target[i] = decodeBfloat16((source[2 * i] ?? 0) | (source[2 * i + 1] ?? 0) << 8)
  }
}
