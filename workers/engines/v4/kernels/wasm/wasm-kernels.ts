import { type Arena } from '../arena.js'
import { type AttendArguments, type CollapseArguments, type Kernels, type ScanArguments } from '../kernels.js'
import { type Matrix, type MatrixFormat } from '../matrix.js'
import { ReferenceKernels } from '../reference/reference-kernels.js'

/** The exports of kernels.wasm; offsets, sizes and strides in bytes unless the name says otherwise. */
export interface KernelExports {
  prepare (scratch: number): void
  multiplyVector (format: number, weights: number, scales: number, rows: number, columns: number, x: number, y: number, add: number, scratch: number): void
  multiplyBatch (format: number, weights: number, scales: number, rows: number, columns: number, x: number, xStride: number, y: number, yStride: number, batch: number, scratch: number): void
  rmsNorm (x: number, weight: number, y: number, rows: number, width: number, eps: number): void
  siluMul (gate: number, up: number, out: number, count: number, limit: number, weight: number): void
  attend (q: number, rowOffsets: number, count: number, width: number, heads: number, scale: number, sinks: number, out: number, scratch: number): void
  indexScores (q: number, headWeights: number, runs: number, runLength: number, count: number, width: number, heads: number, scores: number, scratch: number): void
  selectTop (scores: number, count: number, k: number, picks: number, scratch: number): number
  collapseStreams (mixed: number, mixWidth: number, base: number, scale: number, streams: number, x: number, rows: number, width: number, iterations: number, normEps: number, eps: number): void
  expandStreams (coefficients: number, streams: number, y: number, rows: number, width: number): void
  rotate (values: number, table: number, rows: number, heads: number, width: number, rotated: number, direction: number): void
  add (x: number, y: number, count: number): void
}

/** As numbered in assembly/multiply.ts. */
const formatNumbers: Readonly<Record<MatrixFormat, number>> = { fp4: 0, fp8: 1, bf16: 2, f32: 3 }
/** Reserved, not resident: pages that no operation reaches are never touched. */
const scratchBytes = 2 ** 23
/** Vector constants that `prepare` writes at its start. */
const constantBytes = 128
/** What the stream kernels are written for; every release has it. */
const streamCount = 4

/** Kernels compiled to WebAssembly SIMD, bound to one arena; each thread has its own instance with its own scratch. */
export class WasmKernels implements Kernels {
  readonly name: 'simd' | 'relaxed-simd'
  readonly arena: Arena
  readonly #exports: KernelExports
  readonly #scratch: number
  readonly #free: number
  readonly #reference: ReferenceKernels

  constructor (name: 'simd' | 'relaxed-simd', arena: Arena, exports: KernelExports) {
    this.name = name
    this.arena = arena
    this.#exports = exports
    this.#scratch = arena.allocate(scratchBytes, 64)
    this.#free = this.#scratch + constantBytes
    this.#reference = new ReferenceKernels(arena)
    exports.prepare(this.#scratch)
  }

  multiply (matrix: Matrix, x: number, y: number, batch: number, xStride = matrix.columns, yStride = matrix.rows): void {
    const { weights, scales, rows, columns } = matrix
    const format = formatNumbers[matrix.format]
    this.#assertFits(columns, batch)
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
    const groupHeads = this.#headsThatFit(count)
    for (let h = 0; h < heads; h += groupHeads) {
      const begin = h * width * 4
      this.#exports.attend(q + begin, rowOffsets, count, width, Math.min(groupHeads, heads - h), scale, sinks + h * 4, out + begin, this.#free)
    }
  }

  indexScores ({ q, headWeights, runs, runLength, count, width, heads, scores }: ScanArguments): void {
    this.#exports.indexScores(q, headWeights, runs, runLength, count, width, heads, scores, this.#free)
  }

  selectTop (scores: number, count: number, k: number, picks: number): number {
    if (count * 8 + constantBytes > scratchBytes) throw new RangeError(`${count} scores do not fit the scratch space`)
    return this.#exports.selectTop(scores, count, k, picks, this.#free)
  }

  siluMul (gate: number, up: number, out: number, count: number, limit: number, weight: number): void {
    this.#exports.siluMul(gate, up, out, count, limit, weight)
  }

  collapseStreams (place: CollapseArguments): void {
    if (place.n !== streamCount) return this.#reference.collapseStreams(place)
    const { mixed, mixWidth, base, scale, streams, x, rows, width, iterations, normEps, eps } = place
    this.#exports.collapseStreams(mixed, mixWidth, base, scale, streams, x, rows, width, iterations, normEps, eps)
  }

  expandStreams (coefficients: number, streams: number, y: number, rows: number, n: number, width: number): void {
    if (n === streamCount) this.#exports.expandStreams(coefficients, streams, y, rows, width)
    else this.#reference.expandStreams(coefficients, streams, y, rows, n, width)
  }

  rotate (values: number, table: number, rows: number, heads: number, width: number, rotated: number, direction: 1 | -1): void {
    this.#exports.rotate(values, table, rows, heads, width, rotated, direction)
  }

  add (x: number, y: number, count: number): void {
    this.#exports.add(x, y, count)
  }

  /** How many heads, in whole pairs, have room for `count` scores. */
  #headsThatFit (count: number): number {
    const pairs = Math.floor((scratchBytes / 4 - 256) / (2 * count))
    if (pairs < 1) throw new RangeError(`attention over ${count} rows does not fit the scratch space`)
    return pairs * 2
  }

  #assertFits (columns: number, batch: number): void {
    if ((batch + 5) * (columns + 32) * 5 > scratchBytes) throw new RangeError(`a batch of ${batch} inputs of ${columns} columns does not fit the scratch space`)
  }
}
