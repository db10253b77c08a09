/** From the streams to logits (V4 section 3.3). */
import { type V4Config } from '../checkpoint/config.js'
import { type Kernels } from '../kernels/kernels.js'
import { type Exchange } from './exchange.js'
import { type HeadWeights } from './layer-weights.js'
import { multiplySplit, partOf } from './split-product.js'
import { type Step } from './step.js'
import { StreamMixer } from './streams.js'
import { type Floats, type Region, type Workspace } from './workspace.js'

export class Head {
  readonly #config: V4Config
  readonly #kernels: Kernels
  readonly #exchange: Exchange
  readonly #weights: HeadWeights
  readonly #mixer: StreamMixer
  readonly #streams: Region
  readonly #x: Region
  readonly #logits: Region

  constructor (config: V4Config, kernels: Kernels, workspace: Workspace, exchange: Exchange, weights: HeadWeights, maxRows: number) {
    this.#config = config
    this.#kernels = kernels
    this.#exchange = exchange
    this.#weights = weights
    this.#mixer = new StreamMixer(config, kernels, workspace, maxRows)
    this.#streams = workspace.floats(maxRows * config.streamCount * config.hiddenSize)
    this.#x = workspace.floats(maxRows * config.hiddenSize)
    this.#logits = workspace.floats(maxRows * config.vocabularySize)
  }

  /** Computes the logits of the wanted rows; on the first rank `logitsOf(i)` then gives those of the i-th of them. */
  run (streams: Region, step: Step): void {
    const { streamCount, hiddenSize, normEps } = this.#config
    const width = streamCount * hiddenSize
    const rows = step.wantedCount
    if (rows === 0) return
    for (let i = 0; i < rows; i++) {
      const source = (step.wantedRows[i] ?? 0) * width
      this.#streams.values.set(streams.values.subarray(source, source + width), i * width)
    }
    this.#mixer.collapse(this.#weights.streams, this.#streams, this.#x, rows)
    this.#kernels.rmsNorm(this.#x.offset, this.#weights.norm.offset, this.#x.offset, rows, hiddenSize, normEps)
    multiplySplit(this.#kernels, this.#weights.output, this.#x.offset, this.#logits, rows)
    this.#exchange.gatherFirst(partOf(this.#weights.output, this.#logits), rows)
  }

  /** A view, valid until the next step. */
  logitsOf (wanted: number): Floats {
    const { vocabularySize } = this.#config
    return this.#logits.values.subarray(wanted * vocabularySize, (wanted + 1) * vocabularySize)
  }
}
