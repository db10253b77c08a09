/** Rotary position embedding: interleaved pairs of the last dimensions (V4 section 2.7), amplitude 1. */
import { type V4Config, type YarnConfig } from '../checkpoint/config.js'
import { type Floats } from './workspace.js'

/** Radians per position of each pair, for layers with compression (and then everything in them) or without. */
export function rotaryFrequencies (config: V4Config, isCompressed: boolean): Float64Array {
  const theta = isCompressed ? config.compressRopeTheta : config.ropeTheta
  const frequencies = Float64Array.from({ length: config.ropeDim / 2 }, (_, pair) => theta ** (-2 * pair / config.ropeDim))
  return isCompressed && config.yarn !== null ? interpolate(frequencies, theta, config.yarn) : frequencies
}

function interpolate (frequencies: Float64Array, theta: number, yarn: YarnConfig): Float64Array {
  const width = frequencies.length * 2
  /** The pair that turns `rotations` times over the original context. */
  const pairTurning = (rotations: number): number => width * Math.log(yarn.originalPositions / (rotations * 2 * Math.PI)) / (2 * Math.log(theta))
  const low = Math.max(Math.floor(pairTurning(yarn.betaFast)), 0)
  const high = Math.min(Math.ceil(pairTurning(yarn.betaSlow)), width - 1)
  const span = high === low ? 0.001 : high - low
  return frequencies.map((frequency, pair) => {
    const ramp = Math.min(Math.max((pair - low) / span, 0), 1)
    return frequency / yarn.factor * ramp + frequency * (1 - ramp)
  })
}

/** Cosines and sines of the positions of one step's rows. */
export class RotaryTable {
  readonly #frequencies: Float64Array
  readonly #cosines: Float64Array
  readonly #sines: Float64Array

  constructor (frequencies: Float64Array, maxRows: number) {
    this.#frequencies = frequencies
    this.#cosines = new Float64Array(maxRows * frequencies.length)
    this.#sines = new Float64Array(maxRows * frequencies.length)
  }

  fill (positions: Int32Array, rows: number): void {
    for (let row = 0; row < rows; row++) this.setRow(row, positions[row] ?? 0)
  }

  setRow (row: number, position: number): void {
    const pairs = this.#frequencies.length
    for (let pair = 0; pair < pairs; pair++) {
      const angle = position * (this.#frequencies[pair] ?? 0)
      this.#cosines[row * pairs + pair] = Math.cos(angle)
      this.#sines[row * pairs + pair] = Math.sin(angle)
    }
  }

  /**
   * Rotates, in place, the last dimensions of `heads` vectors of `width` that lie one after another.
   * @param start index of the first vector's first number
   * @param direction 1 to rotate, -1 to rotate back
   */
  rotate (values: Floats, start: number, heads: number, width: number, row: number, direction: 1 | -1): void {
    const pairs = this.#frequencies.length
    const table = row * pairs
    for (let head = 0; head < heads; head++) {
      let place = start + (head + 1) * width - 2 * pairs
      for (let pair = table; pair < table + pairs; pair++) {
        const cosine = this.#cosines[pair] ?? 0
        const sine = (this.#sines[pair] ?? 0) * direction
        const a = values[place] ?? 0
        const b = values[place + 1] ?? 0
        values[place] = a * cosine - b * sine
        values[place + 1] = a * sine + b * cosine
        place += 2
      }
    }
  }
}
