/** Which experts a token goes to, and with what weight (V4 section 5, steps 1 to 3). */
import { type V4Config } from '../checkpoint/config.js'
import { type ExpertsWeights } from './layer-weights.js'
import { type Floats } from './workspace.js'

/** The choices of one step, row by row. */
export interface Routes {
  /** [rows, experts per token] */
  readonly experts: Int32Array
  readonly weights: Float64Array
}

export class Router {
  readonly #config: V4Config
  readonly #scores: Float64Array
  readonly #taken: Uint8Array
  readonly routes: Routes

  constructor (config: V4Config, maxRows: number) {
    this.#config = config
    this.#scores = new Float64Array(config.expertCount)
    this.#taken = new Uint8Array(config.expertCount)
    this.routes = {
      experts: new Int32Array(maxRows * config.expertsPerToken),
      weights: new Float64Array(maxRows * config.expertsPerToken)
    }
  }

  /**
   * Fills `routes` for one row.
   * @param logits router outputs; the row's begin at `start`
   */
  route (weights: ExpertsWeights, logits: Floats, start: number, row: number, tokenId: number): void {
    const { expertCount, expertsPerToken, normaliseExpertWeights, routedScalingFactor } = this.#config
    for (let expert = 0; expert < expertCount; expert++) this.#scores[expert] = Math.sqrt(softplus(logits[start + expert] ?? 0))
    const first = row * expertsPerToken
    if (weights.expertsOfToken !== null) {
      for (let i = 0; i < expertsPerToken; i++) this.routes.experts[first + i] = weights.expertsOfToken[tokenId * expertsPerToken + i] ?? 0
    } else {
      this.#select(weights.selectionBias, first)
    }
    let sum = 0
    for (let i = first; i < first + expertsPerToken; i++) sum += this.#scores[this.routes.experts[i] ?? 0] ?? 0
    const factor = routedScalingFactor / (normaliseExpertWeights ? sum : 1)
    for (let i = first; i < first + expertsPerToken; i++) this.routes.weights[i] = (this.#scores[this.routes.experts[i] ?? 0] ?? 0) * factor
  }

  /** The largest of score + bias; the lowest index wins among equals. */
  #select (bias: Float64Array | null, first: number): void {
    this.#taken.fill(0)
    for (let i = 0; i < this.#config.expertsPerToken; i++) {
      let best = 0
      let value = -Infinity
      for (let expert = 0; expert < this.#config.expertCount; expert++) {
        const score = (this.#scores[expert] ?? 0) + (bias?.[expert] ?? 0)
        if (score > value && this.#taken[expert] === 0) {
          best = expert
          value = score
        }
      }
      this.#taken[best] = 1
      this.routes.experts[first + i] = best
    }
  }
}

/** log(1 + e^value), without overflow. */
function softplus (value: number): number {
  return Math.max(value, 0) + Math.log1p(Math.exp(-Math.abs(value)))
}
