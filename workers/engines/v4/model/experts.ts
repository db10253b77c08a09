/** The mixture-of-experts sublayer (V4 section 5); a rank computes some rows of every expert. */
import { type V4Config } from '../checkpoint/config.js'
import { type Kernels } from '../kernels/kernels.js'
import { type Exchange } from './exchange.js'
import { type ExpertsWeights, type ExpertWeights } from './layer-weights.js'
import { Router, type Routes } from './router.js'
import { evenBounds } from './row-split.js'
import { multiplyOwn, multiplySplit, partOf } from './split-product.js'
import { type Step } from './step.js'
import { type Region, type Workspace } from './workspace.js'

/** The routed experts and the shared one, for all rows of a step. */
export class Experts {
  readonly #config: V4Config
  readonly #kernels: Kernels
  readonly #exchange: Exchange
  readonly #router: Router
  readonly #routerLogits: Region
  readonly #gathered: Region
  /** [pairs of row and expert, expert width]: first the routed pairs by expert, then the rows of the shared expert. */
  readonly #gate: Region
  readonly #up: Region
  /** Without the other ranks' columns, as `sum`. */
  readonly #down: Region
  readonly #sum: Region
  readonly #floatBytes: number
  /** This rank's columns of the hidden activations and of the result. */
  readonly #inner: { readonly begin: number, readonly count: number }
  readonly #outer: { readonly begin: number, readonly count: number }
  /** Routed pairs sorted by expert: rows and weights of expert e are at [starts[e], starts[e + 1]). */
  readonly #starts: Int32Array
  readonly #rows: Int32Array
  readonly #weights: Float64Array

  constructor (config: V4Config, kernels: Kernels, workspace: Workspace, exchange: Exchange, maxRows: number) {
    const pairs = maxRows * (config.expertsPerToken + 1)
    this.#config = config
    this.#kernels = kernels
    this.#exchange = exchange
    this.#router = new Router(config, maxRows)
    this.#inner = ownColumns(config.expertWidth, exchange)
    this.#outer = ownColumns(config.hiddenSize, exchange)
    this.#routerLogits = workspace.floats(maxRows * config.expertCount)
    this.#gathered = workspace.floats(maxRows * config.hiddenSize)
    this.#gate = workspace.floats(pairs * config.expertWidth)
    this.#up = workspace.floats(pairs * config.expertWidth)
    this.#down = workspace.floats(maxRows * this.#outer.count)
    this.#sum = workspace.floats(maxRows * this.#outer.count)
    this.#floatBytes = workspace.floatBytes
    this.#starts = new Int32Array(config.expertCount + 1)
    this.#rows = new Int32Array(maxRows * config.expertsPerToken)
    this.#weights = new Float64Array(maxRows * config.expertsPerToken)
  }

  /** y = routed experts + shared expert of x, both [rows, D]. */
  run (weights: ExpertsWeights, x: Region, y: Region, step: Step): void {
    const { rows } = step
    const { expertsPerToken, expertCount } = this.#config
    this.#kernels.multiply(weights.router, x.offset, this.#routerLogits.offset, rows)
    for (let row = 0; row < rows; row++) {
      this.#router.route(weights, this.#routerLogits.values, row * expertCount, row, step.tokenIds[row] ?? 0)
    }
    this.#sortByExpert(this.#router.routes, rows)
    const routed = rows * expertsPerToken
    for (const [expert, expertWeights] of weights.experts.entries()) this.#activateRouted(expertWeights, expert, x)
    this.#activate(weights.shared, x.offset, routed, rows)
    for (let row = 0; row < rows; row++) this.#gateInner(routed + row, 1)
    this.#exchange.gather([partOf(weights.shared.gate, this.#gate)], routed + rows)
    this.#sum.values.fill(0, 0, rows * this.#outer.count)
    for (const [expert, { down }] of weights.experts.entries()) this.#addRouted(down, expert)
    multiplySplit(this.#kernels, weights.shared.down, this.#innerOffset(this.#gate, routed), y, rows)
    this.#addSums(y, rows)
    this.#exchange.gather([partOf(weights.shared.down, y)], rows)
  }

  /** Counting sort, stable, so that a row's contributions are added in the same order whatever else is in the step. */
  #sortByExpert ({ experts, weights }: Routes, rows: number): void {
    const perToken = this.#config.expertsPerToken
    const starts = this.#starts
    starts.fill(0)
    for (let i = 0; i < rows * perToken; i++) starts[(experts[i] ?? 0) + 1] = (starts[(experts[i] ?? 0) + 1] ?? 0) + 1
    for (let expert = 1; expert < starts.length; expert++) starts[expert] = (starts[expert] ?? 0) + (starts[expert - 1] ?? 0)
    for (let i = 0; i < rows * perToken; i++) {
      const expert = experts[i] ?? 0
      const place = starts[expert] ?? 0
      this.#rows[place] = Math.floor(i / perToken)
      this.#weights[place] = weights[i] ?? 0
      starts[expert] = place + 1
    }
    starts.copyWithin(1, 0)
    starts[0] = 0
  }

  #countOf (expert: number): number {
    return (this.#starts[expert + 1] ?? 0) - (this.#starts[expert] ?? 0)
  }

  /** Byte offset of a pair's activations. */
  #innerOffset (region: Region, pair: number): number {
    return region.offset + pair * this.#config.expertWidth * this.#floatBytes
  }

  #activateRouted (weights: ExpertWeights, expert: number, x: Region): void {
    const begin = this.#starts[expert] ?? 0
    const count = this.#countOf(expert)
    if (count === 0) return
    const input = count === 1 ? x.offset + (this.#rows[begin] ?? 0) * this.#config.hiddenSize * this.#floatBytes : this.#gather(x, begin, count)
    this.#activate(weights, input, begin, count)
    for (let pair = begin; pair < begin + count; pair++) this.#gateInner(pair, this.#weights[pair] ?? 0)
  }

  /** This rank's columns of gate and up for `count` inputs, put at the pairs from `pair` on. */
  #activate ({ gate, up }: ExpertWeights, input: number, pair: number, count: number): void {
    multiplySplit(this.#kernels, gate, input, this.#gate, count, pair)
    multiplySplit(this.#kernels, up, input, this.#up, count, pair)
  }

  /** Clamped in the shared expert, too: the released code of the first day did not, and was corrected. */
  #gateInner (pair: number, weight: number): void {
    const { begin, count } = this.#inner
    const gate = this.#innerOffset(this.#gate, pair) + begin * this.#floatBytes
    this.#kernels.siluMul(gate, this.#innerOffset(this.#up, pair) + begin * this.#floatBytes, gate, count, this.#config.swigluLimit, weight)
  }

  #addRouted (down: ExpertWeights['down'], expert: number): void {
    const begin = this.#starts[expert] ?? 0
    const count = this.#countOf(expert)
    if (count === 0) return
    multiplyOwn(this.#kernels, down, this.#exchange.rank, this.#innerOffset(this.#gate, begin), this.#down, count)
    const rowBytes = this.#outer.count * this.#floatBytes
    for (let i = 0; i < count; i++) {
      this.#kernels.add(this.#down.offset + i * rowBytes, this.#sum.offset + (this.#rows[begin + i] ?? 0) * rowBytes, this.#outer.count)
    }
  }

  #addSums (y: Region, rows: number): void {
    const { begin, count } = this.#outer
    for (let row = 0; row < rows; row++) {
      this.#kernels.add(this.#sum.offset + row * count * this.#floatBytes, y.offset + (row * this.#config.hiddenSize + begin) * this.#floatBytes, count)
    }
  }

  /** Copies the rows of one expert together. @returns their byte offset */
  #gather (x: Region, begin: number, count: number): number {
    const { hiddenSize } = this.#config
    for (let i = 0; i < count; i++) {
      const source = (this.#rows[begin + i] ?? 0) * hiddenSize
      for (let c = 0; c < hiddenSize; c++) this.#gathered.values[i * hiddenSize + c] = x.values[source + c] ?? 0
    }
    return this.#gathered.offset
  }
}

/** @param width rows of the matrices that compute those columns */
function ownColumns (width: number, { rank, rankCount }: Exchange): { begin: number, count: number } {
  const bounds = evenBounds(width, rankCount)
  const begin = bounds[rank] ?? 0
  return { begin, count: (bounds[rank + 1] ?? 0) - begin }
}
