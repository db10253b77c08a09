/** Consecutive layers that live in one arena, with their scratch memory and the caches of all sequences. */
import { type V4Config } from '../checkpoint/config.js'
import { type Kernels } from '../kernels/kernels.js'
import { type KvStore } from '../sequence/kv-store.js'
import { Attention } from './attention.js'
import { type Exchange } from './exchange.js'
import { Experts } from './experts.js'
import { type LayerWeights } from './layer-weights.js'
import { type Mode } from './mode.js'
import { type Step } from './step.js'
import { StreamMixer } from './streams.js'
import { type Region, type Workspace } from './workspace.js'

export interface StageSetting {
  readonly config: V4Config
  readonly kernels: Kernels
  readonly workspace: Workspace
  readonly kv: KvStore
  readonly mode: Mode
  readonly maxRows: number
  readonly contextTokens: number
  readonly exchange: Exchange
  /** Index in the network of the first layer. */
  readonly firstLayer: number
  readonly layers: readonly LayerWeights[]
}

/** Called after each layer with its output [rows, n, D], for tests. */
export type LayerObserver = (layer: number, streams: Region) => void

export class Stage {
  readonly attention: Attention
  /** [rows, n, D] */
  readonly streams: Region
  readonly #setting: StageSetting
  readonly #mixer: StreamMixer
  readonly #experts: Experts
  readonly #x: Region
  readonly #y: Region

  constructor (setting: StageSetting) {
    const { config, kernels, workspace, maxRows, exchange } = setting
    this.#setting = setting
    this.attention = new Attention(setting)
    this.#mixer = new StreamMixer(config, kernels, workspace, maxRows)
    this.#experts = new Experts(config, kernels, workspace, exchange, maxRows)
    this.streams = workspace.floats(maxRows * config.streamCount * config.hiddenSize)
    this.#x = workspace.floats(maxRows * config.hiddenSize)
    this.#y = workspace.floats(maxRows * config.hiddenSize)
  }

  get kv (): KvStore { return this.#setting.kv }

  /** Runs the layers on `streams`, in place. */
  run (step: Step, observe: LayerObserver | null): void {
    const { config, kernels, kv, layers, firstLayer } = this.#setting
    const { rows } = step
    this.attention.begin(step)
    for (const [index, layer] of layers.entries()) {
      const place = kv.layout.layers[index]
      if (place === undefined) throw new Error(`layer ${firstLayer + index} has no cache`)
      this.#mixer.collapse(layer.attentionStreams, this.streams, this.#x, rows)
      kernels.rmsNorm(this.#x.offset, layer.attentionNorm.offset, this.#x.offset, rows, config.hiddenSize, config.normEps)
      this.attention.run(layer.attention, place, this.#x, this.#y, step)
      this.#mixer.expand(this.streams, this.#y, rows)
      this.#mixer.collapse(layer.expertStreams, this.streams, this.#x, rows)
      kernels.rmsNorm(this.#x.offset, layer.expertNorm.offset, this.#x.offset, rows, config.hiddenSize, config.normEps)
      this.#experts.run(layer.experts, this.#x, this.#y, step)
      this.#mixer.expand(this.streams, this.#y, rows)
      observe?.(firstLayer + index, this.streams)
    }
  }
}
