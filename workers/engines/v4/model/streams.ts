/** The residual streams of a token and how a sublayer reads and writes them (mHC, V4 section 3). */
import { type V4Config } from '../checkpoint/config.js'
import { type CollapseArguments, type Kernels } from '../kernels/kernels.js'
import { type StreamWeights } from './layer-weights.js'
import { type Region, type Workspace } from './workspace.js'

/** Mixes the streams [rows, n, D] of one stage. */
export class StreamMixer {
  readonly #kernels: Kernels
  /** The coefficients of the last `collapse`. */
  readonly #mixed: Region
  readonly #place: { -readonly [Key in keyof CollapseArguments]: CollapseArguments[Key] }

  constructor (config: V4Config, kernels: Kernels, workspace: Workspace, maxRows: number) {
    const { streamCount: n, hiddenSize: width, sinkhornIterations: iterations, normEps, streamEps: eps } = config
    this.#kernels = kernels
    this.#mixed = workspace.floats(maxRows * (2 + n) * n)
    this.#place = { mixed: this.#mixed.offset, mixWidth: 0, base: 0, scale: 0, streams: 0, x: 0, rows: 0, n, width, iterations, normEps, eps }
  }

  /** x = sum of pre[j] * h[j], with the coefficients that the site's weights give for its streams; at the end of the network, too. */
  collapse (weights: StreamWeights, streams: Region, x: Region, rows: number): void {
    const place = this.#place
    this.#kernels.multiply(weights.mix, streams.offset, place.mixed, rows)
    place.mixWidth = weights.mix.rows
    place.base = weights.base.offset
    place.scale = weights.scale.offset
    place.streams = streams.offset
    place.x = x.offset
    place.rows = rows
    this.#kernels.collapseStreams(place)
  }

  /** h'[k] = post[k] * y + sum over j of comb[j][k] * h[j], with the coefficients of the last `collapse`. */
  expand (streams: Region, y: Region, rows: number): void {
    const { n, width } = this.#place
    this.#kernels.expandStreams(this.#mixed.offset, streams.offset, y.offset, rows, n, width)
  }
}
