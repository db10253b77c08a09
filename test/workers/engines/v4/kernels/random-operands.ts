import { type Arena } from '../../../../../workers/engines/v4/kernels/arena.js'
import { type Matrix, type MatrixFormat, rowBytes, scaleBytes } from '../../../../../workers/engines/v4/kernels/matrix.js'
import { encodeBfloat16 } from '../../../../../workers/engines/v4/numerics/bfloat16.js'

/** Deterministic uniform numbers in [0, 1) (mulberry32). */
export function randomNumbers (seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let z = Math.imul(state ^ (state >>> 15), state | 1)
    z ^= z + Math.imul(z ^ (z >>> 7), z | 61)
    return ((z ^ (z >>> 14)) >>> 0) / 2 ** 32
  }
}

/** f32 values in (-1, 1) at a fresh offset. */
export function randomFloats (arena: Arena, random: () => number, count: number): number {
  const offset = arena.allocate(count * 4)
  const values = arena.f32(offset, count)
  for (let i = 0; i < count; i++) values[i] = 2 * random() - 1
  return offset
}

/** A matrix of random codes of its format (never NaN), with scales around 1. */
export function randomMatrix (arena: Arena, random: () => number, format: MatrixFormat, rows: number, columns: number): Matrix {
  const bytes = rows * rowBytes(format, columns)
  const weights = arena.allocate(bytes, 64)
  const scales = arena.allocate(scaleBytes(format, rows, columns), 64)
  const codes = arena.bytes(weights, bytes)
  const scaleCodes = arena.bytes(scales, scaleBytes(format, rows, columns))
  for (let i = 0; i < scaleCodes.length; i++) scaleCodes[i] = 120 + Math.floor(random() * 14)
  switch (format) {
    case 'fp4':
      for (let i = 0; i < bytes; i++) codes[i] = Math.floor(random() * 256)
      break
    case 'fp8':
      for (let i = 0; i < bytes; i++) codes[i] = Math.floor(random() * 127) | (random() < 0.5 ? 128 : 0)
      break
    case 'bf16':
      arena.u16(weights, bytes / 2).set(Array.from({ length: bytes / 2 }, () => encodeBfloat16(2 * random() - 1)))
      break
    case 'f32':
      arena.f32(weights, bytes / 4).set(Array.from({ length: bytes / 4 }, () => 2 * random() - 1))
  }
  return { format, rows, columns, weights, scales }
}
