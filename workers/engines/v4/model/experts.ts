/** The mixture-of-experts sublayer (V4 section 5); a rank computes only its range of the routed experts. */
import { type V4Config } from '../checkpoint/config.js'
import { type Kernels } from '../kernels/kernels.js'
import { type ExpertsWeights, type ExpertWeights } from './layer-weights.js'
import { Router, type Routes } from './router.js'
import { type Step } from './step.js'
import { type Floats, type Region, type Workspace } from './workspace.js'

/** Adds up what the ranks computed; with one rank there is nothing to do. */
export interface Reducer {
  /** Replaces the first `count` values by their sum over all ranks, taken in rank order. */
  reduce (values: Floats, count: number): void
}

export class Experts {
  readonly #config: V4Config
  readonly #kernels: Kernels
  readonly #reducer: Reducer
  readonly #router: Router
  readonly #routerLogits: Region
  readonly #gathered: Region
  readonly #gate: Region
  readonly #up: Region
  readonly #down: Region
  readonly #sum: Region
  readonly #floatBytes: number
  /** Routed pairs sorted by expert: rows and weights of expert e are at [starts[e], starts[e + 1]). */
  readonly #starts: Int32Array
  readonly #rows: Int32Array
  readonly #weights: Float64Array

  constructor (config: V4Config, kernels: Kernels, workspace: Workspace, reducer: Reducer, maxRows: number) {
    this.#config = config
    this.#kernels = kernels
    this.#reducer = reducer
    this.#router = new Router(config, maxRows)
    this.#routerLogits = workspace.floats(maxRows * config.expertCount)
    this.#gathered = workspace.floats(maxRows * config.hiddenSize)
    this.#gate = workspace.floats(maxRows * config.expertWidth)
    this.#up = workspace.floats(maxRows * config.expertWidth)
    this.#down = workspace.floats(maxRows * config.hiddenSize)
    this.#sum = workspace.floats(maxRows * config.hiddenSize)
    this.#floatBytes = workspace.floatBytes
    this.#starts = new Int32Array(config.expertCount + 1)
    this.#rows = new Int32Array(maxRows * config.expertsPerToken)
    this.#weights = new Float64Array(maxRows * config.expertsPerToken)
  }

  /** y = routed experts + shared expert of x, both [rows, D]. */
  run (weights: ExpertsWeights, x: Region, y: Region, step: Step): void {
    const { rows } = step
    const { hiddenSize } = this.#config
    this.#kernels.multiply(weights.router, x.offset, this.#routerLogits.offset, rows)
    for (let row = 0; row < rows; row++) {
      this.#router.route(weights, this.#routerLogits.values, row * this.#config.expertCount, row, step.tokenIds[row] ?? 0)
    }
    this.#sortByExpert(this.#router.routes, rows)
    this.#sum.values.fill(0, 0, rows * hiddenSize)
    for (let index = 0; index < weights.experts.length; index++) {
      const expert = weights.experts[index]
      if (expert !== undefined) this.#runExpert(expert, weights.firstExpert + index, x)
    }
    this.#reducer.reduce(this.#sum.values, rows * hiddenSize)
    this.#runShared(weights.shared, x, y, rows)
    this.#kernels.add(this.#sum.offset, y.offset, rows * hiddenSize)
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

  #runExpert (weights: ExpertWeights, expert: number, x: Region): void {
    const begin = this.#starts[expert] ?? 0
    const count = (this.#starts[expert + 1] ?? 0) - begin
    if (count === 0) return
    const { hiddenSize, expertWidth, swigluLimit } = this.#config
    const input = count === 1 ? x.offset + (this.#rows[begin] ?? 0) * hiddenSize * this.#floatBytes : this.#gather(x, begin, count)
    this.#kernels.multiply(weights.gate, input, this.#gate.offset, count)
    this.#kernels.multiply(weights.up, input, this.#up.offset, count)
    for (let i = 0; i < count; i++) {
      const shift = i * expertWidth * this.#floatBytes
      const gate = this.#gate.offset + shift
      this.#kernels.siluMul(gate, this.#up.offset + shift, gate, expertWidth, swigluLimit, this.#weights[begin + i] ?? 0)
    }
    this.#kernels.multiply(weights.down, this.#gate.offset, this.#down.offset, count)
    const rowBytes = hiddenSize * this.#floatBytes
    for (let i = 0; i < count; i++) {
      this.#kernels.add(this.#down.offset + i * rowBytes, this.#sum.offset + (this.#rows[begin + i] ?? 0) * rowBytes, hiddenSize)
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

  /** Clamped like the others: the released code of the first day was not, and was corrected. */
  #runShared (weights: ExpertWeights, x: Region, y: Region, rows: number): void {
    this.#kernels.multiply(weights.gate, x.offset, this.#gate.offset, rows)
    this.#kernels.multiply(weights.up, x.offset, this.#up.offset, rows)
    this.#kernels.siluMul(this.#gate.offset, this.#up.offset, this.#gate.offset, rows * this.#config.expertWidth, this.#config.swigluLimit, 1)
    this.#kernels.multiply(weights.down, this.#gate.offset, y.offset, rows)
  }
}

/** For a rank that is alone. */
export const soleReducer: Reducer = { reduce () {} }
