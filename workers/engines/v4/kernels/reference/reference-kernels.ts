import { type Arena } from '../arena.js'
import { type AttendArguments, type CollapseArguments, type Kernels, type ScanArguments } from '../kernels.js'
import { type Matrix } from '../matrix.js'
import { dot, type Floats } from './floats.js'
import { collapseRow, expandRow } from './streams.js'
import { decodeRow } from './weight-row.js'

/** Plain TypeScript kernels that accumulate in f64: slow, and what the fast ones are compared with. */
export class ReferenceKernels implements Kernels {
  readonly name = 'reference'
  readonly arena: Arena
  readonly #floatBytes: 4 | 8

  /** @param floatBytes size of every vector operand: 8 gives a forward pass in f64 throughout, whatever the weights are */
  constructor (arena: Arena, floatBytes: 4 | 8 = 4) {
    this.arena = arena
    this.#floatBytes = floatBytes
  }

  /** @param offset in bytes @param index in floats from there */
  #floats (offset: number, index: number, count: number): Floats {
    const start = offset + index * this.#floatBytes
    return this.#floatBytes === 4 ? this.arena.f32(start, count) : new Float64Array(this.arena.memory.buffer, start, count)
  }

  multiply (matrix: Matrix, x: number, y: number, batch: number, xStride = matrix.columns, yStride = matrix.rows): void {
    const { rows, columns } = matrix
    const weights = new Float64Array(columns)
    const inputs = Array.from({ length: batch }, (_, b) => this.#floats(x, b * xStride, columns))
    const outputs = Array.from({ length: batch }, (_, b) => this.#floats(y, b * yStride, rows))
    for (let r = 0; r < rows; r++) {
      decodeRow(this.arena, matrix, r, weights)
      for (const [b, input] of inputs.entries()) assign(outputs[b], r, dot(weights, input))
    }
  }

  multiplyAdd (matrix: Matrix, x: number, y: number): void {
    const weights = new Float64Array(matrix.columns)
    const input = this.arena.f32(x, matrix.columns)
    const output = this.arena.f32(y, matrix.rows)
    for (let r = 0; r < matrix.rows; r++) {
      decodeRow(this.arena, matrix, r, weights)
      output[r] = (output[r] ?? 0) + dot(weights, input)
    }
  }

  rmsNorm (x: number, weight: number, y: number, rows: number, width: number, eps: number): void {
    const scales = weight === 0 ? null : this.#floats(weight, 0, width)
    for (let r = 0; r < rows; r++) {
      const input = this.#floats(x, r * width, width)
      const output = this.#floats(y, r * width, width)
      const factor = 1 / Math.sqrt(dot(input, input) / width + eps)
      for (let i = 0; i < width; i++) output[i] = (input[i] ?? 0) * factor * (scales?.[i] ?? 1)
    }
  }

  attend ({ q, rowOffsets, count, width, heads, scale, sinks, out }: AttendArguments): void {
    const keys = Array.from(this.arena.u32(rowOffsets, count), offset => this.#floats(offset, 0, width))
    const sink = this.#floats(sinks, 0, heads)
    for (let h = 0; h < heads; h++) {
      const query = this.#floats(q, h * width, width)
      const scores = keys.map(key => dot(query, key) * scale)
      const largest = scores.reduce((a, b) => Math.max(a, b), sink[h] ?? 0)
      const shares = scores.map(score => Math.exp(score - largest))
      const total = shares.reduce((a, b) => a + b, Math.exp((sink[h] ?? 0) - largest))
      const output = this.#floats(out, h * width, width)
      for (let i = 0; i < width; i++) {
        let sum = 0
        for (const [k, key] of keys.entries()) sum += (shares[k] ?? 0) * (key[i] ?? 0)
        output[i] = sum / total
      }
    }
  }

  indexScores ({ q, headWeights, runs, runLength, count, width, heads, scores }: ScanArguments): void {
    const begins = this.arena.u32(runs, Math.ceil(count / runLength))
    const weights = this.#floats(headWeights, 0, heads)
    const output = this.#floats(scores, 0, count)
    const queries = Array.from({ length: heads }, (_, h) => this.#floats(q, h * width, width))
    for (let i = 0; i < count; i++) {
      const inRun = i % runLength
      const quad = this.#floats(begins[Math.floor(i / runLength)] ?? 0, (inRun >> 2) * 4 * width, 4 * width)
      const key = Float64Array.from({ length: width }, (_, c) => quad[(c >> 2) * 16 + (inRun & 3) * 4 + (c & 3)] ?? 0)
      output[i] = queries.reduce((sum, query, h) => sum + (weights[h] ?? 0) * Math.max(dot(query, key), 0), 0)
    }
  }

  selectTop (scores: number, count: number, k: number, picks: number): number {
    const values = this.#floats(scores, 0, count)
    const best = Uint32Array.from(values.keys()).sort((one, other) => (values[other] ?? 0) - (values[one] ?? 0) || one - other).subarray(0, k).sort()
    this.arena.u32(picks, best.length).set(best)
    return best.length
  }

  siluMul (gate: number, up: number, out: number, count: number, limit: number, weight: number): void {
    const gates = this.#floats(gate, 0, count)
    const ups = this.#floats(up, 0, count)
    const output = this.#floats(out, 0, count)
    for (let i = 0; i < count; i++) {
      const g = Math.min(gates[i] ?? 0, limit)
      const u = Math.min(Math.max(ups[i] ?? 0, -limit), limit)
      output[i] = g / (1 + Math.exp(-g)) * u * weight
    }
  }

  collapseStreams (place: CollapseArguments): void {
    const { mixed, mixWidth, base, scale, streams, x, rows, n, width } = place
    const bases = this.#floats(base, 0, mixWidth)
    const scales = this.#floats(scale, 0, mixWidth === n ? 1 : 3)
    for (let row = 0; row < rows; row++) {
      collapseRow(this.#floats(mixed, row * mixWidth, mixWidth), bases, scales, this.#floats(streams, row * n * width, n * width), this.#floats(x, row * width, width), place)
    }
  }

  expandStreams (coefficients: number, streams: number, y: number, rows: number, n: number, width: number): void {
    const mixWidth = (2 + n) * n
    for (let row = 0; row < rows; row++) {
      expandRow(this.#floats(coefficients, row * mixWidth, mixWidth), this.#floats(streams, row * n * width, n * width), this.#floats(y, row * width, width), n)
    }
  }

  rotate (values: number, table: number, rows: number, heads: number, width: number, rotated: number, direction: 1 | -1): void {
    for (let row = 0; row < rows; row++) {
      const cosines = this.#floats(table, row * 2 * rotated, rotated)
      const sines = this.#floats(table, (row * 2 + 1) * rotated, rotated)
      for (let head = 0; head < heads; head++) {
        const vector = this.#floats(values, (row * heads + head + 1) * width - rotated, rotated)
        for (let i = 0; i < rotated; i += 2) {
          const [a = 0, b = 0] = [vector[i], vector[i + 1]]
          vector[i] = a * (cosines[i] ?? 0) + b * (sines[i] ?? 0) * direction
          vector[i + 1] = b * (cosines[i + 1] ?? 0) + a * (sines[i + 1] ?? 0) * direction
        }
      }
    }
  }

  add (x: number, y: number, count: number): void {
    const input = this.#floats(x, 0, count)
    const output = this.#floats(y, 0, count)
    for (let i = 0; i < count; i++) output[i] = (output[i] ?? 0) + (input[i] ?? 0)
  }
}

function assign (target: Floats | undefined, index: number, value: number): void {
  if (target !== undefined) target[index] = value
}
