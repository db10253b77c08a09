import { decodeBfloat16 } from '../../numerics/bfloat16.js'
import { e2m1Values, e4m3Values, e8m0Values } from '../../numerics/minifloat.js'
import { type Arena } from '../arena.js'
import { blockWidth, groupWidth, type Matrix, rowBytes } from '../matrix.js'

/** Decodes one row of a matrix to f64: the definition that all kernels are measured against. */
export function decodeRow (arena: Arena, matrix: Matrix, row: number, target: Float64Array): void {
  const { format, columns, weights, scales } = matrix
  const bytes = rowBytes(format, columns)
  const offset = weights + row * bytes
  switch (format) {
    case 'f32':
      target.set(arena.f32(offset, columns))
      break
    case 'bf16': {
      const codes = arena.u16(offset, columns)
      for (let c = 0; c < columns; c++) target[c] = decodeBfloat16(codes[c] ?? 0)
      break
    }
    case 'fp8': {
      const codes = arena.bytes(offset, bytes)
      const blocks = Math.ceil(columns / blockWidth)
      const scale = arena.bytes(scales + Math.floor(row / blockWidth) * blocks, blocks)
      for (let c = 0; c < columns; c++) target[c] = value(e4m3Values, codes[c]) * value(e8m0Values, scale[Math.floor(c / blockWidth)])
      break
    }
    case 'fp4': {
      const codes = arena.bytes(offset, bytes)
      const groups = columns / groupWidth
      const scale = arena.bytes(scales + row * groups, groups)
      for (let c = 0; c < columns; c++) {
        const code = ((codes[c >> 1] ?? 0) >> (c % 2 * 4)) & 15
        target[c] = value(e2m1Values, code) * value(e8m0Values, scale[Math.floor(c / groupWidth)])
      }
    }
  }
}

function value (table: Float32Array, code: number | undefined): number {
  return table[code ?? 0] ?? NaN
}
