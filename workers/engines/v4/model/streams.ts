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
  readonly #before: Float64Array

  constructor (config: V4Config, kernels: Kernels, workspace: Workspace, maxRows: number) {
    const n = config.streamCount
    this.#config = config
    this.#kernels = kernels
    this.#mixed = workspace.floats(maxRows * (2 + n) * n)
    this.#pre = new Float64Array(maxRows * n)
    this.#post = new Float64Array(maxRows * n)
    this.#comb = new Float64Array(maxRows * n * n)
    this.#before = new Float64Array(n)
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
    const width = this.#config.hiddenSize
    const h = streams.values
    const before = this.#before
    for (let row = 0; row < rows; row++) {
      const comb = row * n * n
      for (let c = 0; c < width; c++) {
        const place = row * n * width + c
        const update = y.values[row * width + c] ?? 0
        for (let j = 0; j < n; j++) before[j] = h[place + j * width] ?? 0
        for (let k = 0; k < n; k++) {
          let sum = (this.#post[row * n + k] ?? 0) * update
          for (let j = 0; j < n; j++) sum += (this.#comb[comb + j * n + k] ?? 0) * (before[j] ?? 0)
          h[place + k * width] = sum
        }
      }
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
      for (let c = 0; c < width; c++) {
        let sum = 0
        for (let j = 0; j < n; j++) sum += (this.#pre[row * n + j] ?? 0) * (h[(row * n + j) * width + c] ?? 0)
        x[row * width + c] = sum
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
