/** The residual streams of a token and how a sublayer reads and writes them (mHC, V4 section 3). */
import { type V4Config } from '../checkpoint/config.js'
import { type Kernels } from '../kernels/kernels.js'
import { type StreamWeights } from './layer-weights.js'
import { sinkhorn } from './sinkhorn.js'
import { type Floats, type Region, type Workspace } from './workspace.js'

/** Mixes the streams [rows, n, D] of one stage; coefficients are kept in f64. */
export class StreamMixer {
  readonly #config: V4Config
  readonly #kernels: Kernels
  readonly #mixed: Region
  readonly #pre: Float64Array
  readonly #post: Float64Array
  readonly #comb: Float64Array
  /** Streams of one row before `expand` writes over them. */
  readonly #before: Float64Array

  constructor (config: V4Config, kernels: Kernels, workspace: Workspace, maxRows: number) {
    const n = config.streamCount
    this.#config = config
    this.#kernels = kernels
    this.#mixed = workspace.floats(maxRows * (2 + n) * n)
    this.#pre = new Float64Array(maxRows * n)
    this.#post = new Float64Array(maxRows * n)
    this.#comb = new Float64Array(maxRows * n * n)
    this.#before = new Float64Array(n * config.hiddenSize)
  }

  /** Computes the coefficients of a site from its streams, then x = sum of pre[j] * h[j]. */
  collapse (weights: StreamWeights, streams: Region, x: Region, rows: number): void {
    const n = this.#config.streamCount
    const width = (2 + n) * n
    this.#mix(weights, streams, rows, width)
    const { base, scale } = weights
    const [preScale = 0, postScale = 0, combScale = 0] = scale
    for (let row = 0; row < rows; row++) {
      const z = row * width
      for (let j = 0; j < n; j++) {
        this.#pre[row * n + j] = sigmoid(this.#mixedAt(z + j) * preScale + (base[j] ?? 0)) + this.#config.streamEps
        this.#post[row * n + j] = 2 * sigmoid(this.#mixedAt(z + n + j) * postScale + (base[n + j] ?? 0))
      }
      for (let i = 0; i < n * n; i++) this.#comb[row * n * n + i] = this.#mixedAt(z + 2 * n + i) * combScale + (base[2 * n + i] ?? 0)
      sinkhorn(this.#comb, row * n * n, n, this.#config.sinkhornIterations, this.#config.streamEps)
    }
    this.#weightedSum(streams.values, x.values, rows)
  }

  /** h'[k] = post[k] * y + sum over j of comb[j][k] * h[j], with the coefficients of the last `collapse`. */
  expand (streams: Region, y: Region, rows: number): void {
    const n = this.#config.streamCount
    const length = n * this.#config.hiddenSize
    for (let row = 0; row < rows; row++) {
      const h = streams.values
      for (let i = 0; i < length; i++) this.#before[i] = h[row * length + i] ?? 0
      for (let k = 0; k < n; k++) {
        if (n === 4) this.#renewOfFour(h, y.values, row, k)
        else this.#renew(h, y.values, row, k)
      }
    }
  }

  /** Stream k of a row from the streams in `before`. */
  #renew (h: Floats, y: Floats, row: number, k: number): void {
    const n = this.#config.streamCount
    const width = this.#config.hiddenSize
    const target = (row * n + k) * width
    for (let c = 0; c < width; c++) {
      let sum = (this.#post[row * n + k] ?? 0) * (y[row * width + c] ?? 0)
      for (let j = 0; j < n; j++) sum += (this.#comb[(row * n + j) * n + k] ?? 0) * (this.#before[j * width + c] ?? 0)
      h[target + c] = sum
    }
  }

  /** The same, unrolled for the four streams that every release has: several times faster. */
  #renewOfFour (h: Floats, y: Floats, row: number, k: number): void {
    const width = this.#config.hiddenSize
    const target = (row * 4 + k) * width
    const before = this.#before
    const comb = row * 16 + k
    const post = this.#post[row * 4 + k] ?? 0
    const share0 = this.#comb[comb] ?? 0
    const share1 = this.#comb[comb + 4] ?? 0
    const share2 = this.#comb[comb + 8] ?? 0
    const share3 = this.#comb[comb + 12] ?? 0
    for (let c = 0; c < width; c++) {
      h[target + c] = post * (y[row * width + c] ?? 0) +
        share0 * (before[c] ?? 0) + share1 * (before[width + c] ?? 0) +
        share2 * (before[2 * width + c] ?? 0) + share3 * (before[3 * width + c] ?? 0)
    }
  }

  /** The end of the network: x = sum of pre[j] * h[j], without Sinkhorn (V4 section 3.3). */
  combine (weights: StreamWeights, streams: Region, x: Region, rows: number): void {
    const n = this.#config.streamCount
    this.#mix(weights, streams, rows, n)
    const [scale = 0] = weights.scale
    for (let i = 0; i < rows * n; i++) {
      this.#pre[i] = sigmoid(this.#mixedAt(i) * scale + (weights.base[i % n] ?? 0)) + this.#config.streamEps
    }
    this.#weightedSum(streams.values, x.values, rows)
  }

  /** z = (fn · v) * rsqrt(mean(v^2) + eps) over all streams of a row as one vector v. */
  #mix (weights: StreamWeights, streams: Region, rows: number, width: number): void {
    const length = this.#config.streamCount * this.#config.hiddenSize
    const z = this.#mixed.values
    this.#kernels.multiply(weights.mix, streams.offset, this.#mixed.offset, rows)
    for (let row = 0; row < rows; row++) {
      let squares = 0
      for (let i = row * length; i < (row + 1) * length; i++) squares += (streams.values[i] ?? 0) * (streams.values[i] ?? 0)
      const factor = 1 / Math.sqrt(squares / length + this.#config.normEps)
      for (let i = row * width; i < (row + 1) * width; i++) z[i] = (z[i] ?? 0) * factor
    }
  }

  #weightedSum (h: Floats, x: Floats, rows: number): void {
    const n = this.#config.streamCount
    const width = this.#config.hiddenSize
    for (let row = 0; row < rows; row++) {
      const target = row * width
      for (let j = 0; j < n; j++) {
        const share = this.#pre[row * n + j] ?? 0
        const source = (row * n + j) * width
        if (j === 0) for (let c = 0; c < width; c++) x[target + c] = share * (h[source + c] ?? 0)
        else for (let c = 0; c < width; c++) x[target + c] = (x[target + c] ?? 0) + share * (h[source + c] ?? 0)
      }
    }
  }

  #mixedAt (index: number): number {
    return this.#mixed.values[index] ?? 0
  }
}

function sigmoid (value: number): number {
  return 1 / (1 + Math.exp(-value))
}
