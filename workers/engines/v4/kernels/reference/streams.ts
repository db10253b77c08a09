/** mHC of one row, for any number of streams (V4 section 3.2). */
import { sinkhorn } from '../../numerics/sinkhorn.js'
import { type CollapseArguments } from '../kernels.js'
import { dot, type Floats } from './floats.js'

export function collapseRow (mixed: Floats, base: Floats, scale: Floats, streams: Floats, x: Floats, { n, width, iterations, normEps, eps }: CollapseArguments): void {
  const factor = 1 / Math.sqrt(dot(streams, streams) / streams.length + normEps)
  const [preScale = 0, postScale = 0, combScale = 0] = scale
  const logit = (index: number, times: number): number => (mixed[index] ?? 0) * factor * times + (base[index] ?? 0)
  const pre = Array.from({ length: n }, (_, j) => sigmoid(logit(j, preScale)) + eps)
  if (mixed.length > n) {
    const post = Array.from({ length: n }, (_, j) => 2 * sigmoid(logit(n + j, postScale)))
    const comb = Float64Array.from({ length: n * n }, (_, i) => logit(2 * n + i, combScale))
    sinkhorn(comb, 0, n, iterations, eps)
    mixed.set(post, n)
    mixed.set(comb, 2 * n)
  }
  mixed.set(pre)
  for (let c = 0; c < width; c++) x[c] = pre.reduce((sum, share, j) => sum + share * (streams[j * width + c] ?? 0), 0)
}

export function expandRow (coefficients: Floats, streams: Floats, y: Floats, n: number): void {
  const width = y.length
  const before = Float64Array.from(streams)
  for (let k = 0; k < n; k++) {
    for (let c = 0; c < width; c++) {
      let sum = (coefficients[n + k] ?? 0) * (y[c] ?? 0)
      for (let j = 0; j < n; j++) sum += (coefficients[(2 + j) * n + k] ?? 0) * (before[j * width + c] ?? 0)
      streams[k * width + c] = sum
    }
  }
}

function sigmoid (value: number): number {
  return 1 / (1 + Math.exp(-value))
}
