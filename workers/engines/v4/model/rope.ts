/** Rotary position embedding: interleaved pairs of the last dimensions (V4 section 2.7), amplitude 1. */
import { type V4Config, type YarnConfig } from '../checkpoint/config.js'
import { type Floats, type Workspace } from './workspace.js'

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

/** Cosines and sines of the positions of a step's rows, as `Kernels.rotate` reads them. */
export class RotaryTable {
  readonly offset: number
  readonly #frequencies: Float64Array
  /** [rows, 2, 2 * pairs] */
  readonly #values: Floats

  constructor (workspace: Workspace, frequencies: Float64Array, maxRows: number) {
    const { offset, values } = workspace.floats(maxRows * 4 * frequencies.length)
    this.offset = offset
    this.#frequencies = frequencies
    this.#values = values
  }

  fill (positions: Int32Array, rows: number): void {
    for (let row = 0; row < rows; row++) this.setRow(row, positions[row] ?? 0)
  }

  setRow (row: number, position: number): void {
    const values = this.#values
    const width = 2 * this.#frequencies.length
    let place = row * 2 * width
    for (const frequency of this.#frequencies) {
      const cosine = Math.cos(position * frequency)
      const sine = Math.sin(position * frequency)
      values[place] = cosine
      values[place + 1] = cosine
      values[place + width] = -sine
      values[place + width + 1] = sine
      place += 2
    }
  }
}
