import { type Arena } from '../arena.js'
import { type AttendArguments, type Kernels } from '../kernels.js'
import { type Matrix, type MatrixFormat } from '../matrix.js'

/** The exports of kernels.wasm; offsets, sizes and strides in bytes unless the name says otherwise. */
export interface KernelExports {
  multiplyVector (format: number, weights: number, scales: number, rows: number, columns: number, x: number, y: number, add: number, scratch: number): void
  multiplyBatch (format: number, weights: number, scales: number, rows: number, columns: number, x: number, xStride: number, y: number, yStride: number, batch: number, scratch: number): void
  rmsNorm (x: number, weight: number, y: number, rows: number, width: number, eps: number): void
  siluMul (gate: number, up: number, out: number, count: number, limit: number, weight: number): void
  attend (q: number, rowOffsets: number, count: number, width: number, heads: number, scale: number, sinks: number, out: number, scratch: number): void
  indexScores (q: number, headWeights: number, rowOffsets: number, count: number, width: number, heads: number, scores: number): void
}

/** As numbered in assembly/multiply.ts. */
const formatNumbers: Readonly<Record<MatrixFormat, number>> = { fp4: 0, fp8: 1, bf16: 2, f32: 3 }
/** Reserved, not resident: pages that no operation reaches are never touched. */
const scratchBytes = 2 ** 23

/** Kernels compiled to WebAssembly SIMD, bound to one arena; each thread has its own instance with its own scratch. */
export class WasmKernels implements Kernels {
  readonly name: 'simd' | 'relaxed-simd'
  readonly arena: Arena
  readonly #exports: KernelExports
  readonly #scratch: number

  constructor (name: 'simd' | 'relaxed-simd', arena: Arena, exports: KernelExports) {
    this.name = name
    this.arena = arena
    this.#exports = exports
    this.#scratch = arena.allocate(scratchBytes, 64)
  }

  multiply (matrix: Matrix, x: number, y: number, batch: number, xStride = matrix.columns, yStride = matrix.rows): void {
    const { weights, scales, rows, columns } = matrix
    const format = formatNumbers[matrix.format]
    if (batch === 1) this.#exports.multiplyVector(format, weights, scales, rows, columns, x, y, 0, this.#scratch)
    else this.#exports.multiplyBatch(format, weights, scales, rows, columns, x, xStride * 4, y, yStride * 4, batch, this.#scratch)
  }

  multiplyAdd (matrix: Matrix, x: number, y: number): void {
    this.#exports.multiplyVector(formatNumbers[matrix.format], matrix.weights, matrix.scales, matrix.rows, matrix.columns, x, y, 1, this.#scratch)
  }

  rmsNorm (x: number, weight: number, y: number, rows: number, width: number, eps: number): void {
    this.#exports.rmsNorm(x, weight, y, rows, width, eps)
  }

  attend ({ q, rowOffsets, count, width, heads, scale, sinks, out }: AttendArguments): void {
    if (count * 4 > scratchBytes) throw new RangeError(`attention over ${count} rows; ${scratchBytes / 4} fit`)
    this.#exports.attend(q, rowOffsets, count, width, heads, scale, sinks, out, this.#scratch)
  }

  indexScores (q: number, headWeights: number, rowOffsets: number, count: number, width: number, heads: number, scores: number): void {
    this.#exports.indexScores(q, headWeights, rowOffsets, count, width, heads, scores)
  }

  siluMul (gate: number, up: number, out: number, count: number, limit: number, weight: number): void {
    this.#exports.siluMul(gate, up, out, count, limit, weight)
  }
}
