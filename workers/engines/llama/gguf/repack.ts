/** Weights of an official V4 checkpoint in GGML's layouts. */
import { encodeE8m0 } from '../../v4/numerics/minifloat.js'

/**
 * FP4 rows (two codes a byte, neighbours together, one E8M0 scale per 32 columns) as MXFP4 blocks: the scale, then 16
 * bytes where byte j holds element j (low nibble) and element j + 16 (high). Lossless.
 *
 * @param codes packed codes, rows x columns / 2
 * @param scales E8M0 bytes, rows x columns / 32
 */
export function repackFp4 (codes: Uint8Array, scales: Uint8Array): Uint8Array {
  const out = new Uint8Array(scales.length * 17)
  for (let block = 0; block < scales.length; block++) {
    const from = block * 16
    const to = block * 17
    out[to] = scales[block] ?? encodeE8m0(1)
    for (let j = 0; j < 16; j++) out[to + 1 + j] = nibble(codes, from, j) | nibble(codes, from, j + 16) << 4
  }
  return out
}

function nibble (codes: Uint8Array, from: number, element: number): number {
  const byte = codes[from + (element >> 1)] ?? 0
  return element & 1 ? byte >> 4 : byte & 15
}

/** Blocks of 32: an f16 step (largest magnitude / 127), then 32 signed bytes. `values` holds whole blocks. */
export function quantiseQ8 (values: Float32Array): Uint8Array {
  const out = Buffer.alloc(values.length / 32 * 34)
  for (let block = 0; block * 32 < values.length; block++) {
    const part = values.subarray(block * 32, block * 32 + 32)
    const step = part.reduce((most, value) => Math.max(most, Math.abs(value)), 0) / 127
    out.writeUInt16LE(encodeHalf(step), block * 34)
    part.forEach((value, j) => out.writeInt8(step === 0 ? 0 : Math.max(-127, Math.min(127, Math.round(value / step))), block * 34 + 2 + j))
  }
  return out
}

const float = new Float32Array(1)
const word = new Uint32Array(float.buffer)

/** Nearest IEEE half of a non-negative f32, ties to even; large values become infinity, small ones are subnormal. */
export function encodeHalf (value: number): number {
  float[0] = value
  const bits = word[0] ?? 0
  const exponent = (bits >>> 23) - 127
  if (exponent < -14) return Math.round(value * 2 ** 24)
  if (exponent > 15) return 0x7c00
  const rounded = bits + 0xfff + ((bits >>> 13) & 1)
  return (rounded >>> 13) - (112 << 10)
}
