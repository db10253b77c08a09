import { exponential } from './exponential'
import { multiplyAdd, sumLanes } from './lanes'
import { dotF32 } from './wide'

/** Streams of a token; other numbers are left to the reference kernels. */
const n: usize = 4

// @ts-ignore: decorator
@inline
function sigmoid (value: v128): v128 {
  return f32x4.div(f32x4.splat(1), f32x4.add(f32x4.splat(1), exponential(f32x4.neg(value))))
}

// @ts-ignore: decorator
@inline
function largestLane (v: v128): v128 {
  const pairs = f32x4.max(v, v128.shuffle<f32>(v, v, 2, 3, 0, 1))
  return f32x4.max(pairs, v128.shuffle<f32>(pairs, pairs, 1, 0, 3, 2))
}

/** The four logits of a row as shares of 1, each with `eps` more. */
function softmaxRow (logits: v128, eps: v128): v128 {
  const shares = exponential(f32x4.sub(logits, largestLane(logits)))
  return f32x4.add(f32x4.div(shares, f32x4.splat(sumLanes(shares))), eps)
}

/** The sum of four vectors, each times one lane of `factors`. */
// @ts-ignore: decorator
@inline
function combine (a: v128, b: v128, c: v128, d: v128, factors: v128): v128 {
  return f32x4.add(
    multiplyAdd(f32x4.mul(a, v128.shuffle<f32>(factors, factors, 0, 0, 0, 0)), b, v128.shuffle<f32>(factors, factors, 1, 1, 1, 1)),
    multiplyAdd(f32x4.mul(c, v128.shuffle<f32>(factors, factors, 2, 2, 2, 2)), d, v128.shuffle<f32>(factors, factors, 3, 3, 3, 3)))
}

/**
 * Sinkhorn on the 4 x 4 logits at `matrix`, in place. The matrix stays as it is after the first softmax; what changes
 * is a factor for each row and each column, so that both kinds of sums are sums of whole vectors.
 */
function sinkhorn (matrix: usize, iterations: u32, epsilon: f32): void {
  const eps = f32x4.splat(epsilon)
  const a = softmaxRow(v128.load(matrix), eps)
  const b = softmaxRow(v128.load(matrix, 16), eps)
  const c = softmaxRow(v128.load(matrix, 32), eps)
  const d = softmaxRow(v128.load(matrix, 48), eps)
  const abLow = v128.shuffle<f32>(a, b, 0, 4, 1, 5)
  const abHigh = v128.shuffle<f32>(a, b, 2, 6, 3, 7)
  const cdLow = v128.shuffle<f32>(c, d, 0, 4, 1, 5)
  const cdHigh = v128.shuffle<f32>(c, d, 2, 6, 3, 7)
  const first = v128.shuffle<f32>(abLow, cdLow, 0, 1, 4, 5)
  const second = v128.shuffle<f32>(abLow, cdLow, 2, 3, 6, 7)
  const third = v128.shuffle<f32>(abHigh, cdHigh, 0, 1, 4, 5)
  const fourth = v128.shuffle<f32>(abHigh, cdHigh, 2, 3, 6, 7)
  let rows = f32x4.splat(1)
  let columns = f32x4.div(f32x4.splat(1), f32x4.add(combine(a, b, c, d, rows), eps))
  for (let iteration: u32 = 1; iteration < iterations; iteration++) {
    rows = f32x4.div(rows, multiplyAdd(eps, rows, combine(first, second, third, fourth, columns)))
    columns = f32x4.div(columns, multiplyAdd(eps, columns, combine(a, b, c, d, rows)))
  }
  v128.store(matrix, f32x4.mul(f32x4.mul(a, columns), v128.shuffle<f32>(rows, rows, 0, 0, 0, 0)))
  v128.store(matrix, f32x4.mul(f32x4.mul(b, columns), v128.shuffle<f32>(rows, rows, 1, 1, 1, 1)), 16)
  v128.store(matrix, f32x4.mul(f32x4.mul(c, columns), v128.shuffle<f32>(rows, rows, 2, 2, 2, 2)), 32)
  v128.store(matrix, f32x4.mul(f32x4.mul(d, columns), v128.shuffle<f32>(rows, rows, 3, 3, 3, 3)), 48)
}

// @ts-ignore: decorator
@inline
function affine (mixed: usize, base: usize, index: usize, factor: f32): v128 {
  return multiplyAdd(v128.load(base + (index << 2)), v128.load(mixed + (index << 2)), f32x4.splat(factor))
}

/** x = sum of pre[j] * stream j */
function weightStreams (pre: usize, streams: usize, x: usize, width: usize): void {
  const rowBytes = width << 2
  const p0 = v128.load32_splat(pre)
  const p1 = v128.load32_splat(pre, 4)
  const p2 = v128.load32_splat(pre, 8)
  const p3 = v128.load32_splat(pre, 12)
  const vectorEnd = streams + ((width & ~3) << 2)
  const end = streams + rowBytes
  while (streams < vectorEnd) {
    let sum = f32x4.mul(v128.load(streams), p0)
    sum = multiplyAdd(sum, v128.load(streams + rowBytes), p1)
    sum = multiplyAdd(sum, v128.load(streams + 2 * rowBytes), p2)
    v128.store(x, multiplyAdd(sum, v128.load(streams + 3 * rowBytes), p3))
    streams += 16
    x += 16
  }
  while (streams < end) {
    let sum: f32 = 0
    for (let j: usize = 0; j < n; j++) sum += load<f32>(streams + j * rowBytes) * load<f32>(pre + (j << 2))
    store<f32>(x, sum)
    streams += 4
    x += 4
  }
}

/** `mixed` becomes the coefficients; see `Kernels.collapseStreams`. */
export function collapseStreams (mixed: usize, mixWidth: usize, base: usize, scale: usize, streams: usize, x: usize, rows: usize, width: usize, iterations: u32, normEps: f32, eps: f32): void {
  const length = n * width
  for (let row: usize = 0; row < rows; row++) {
    const factor: f32 = <f32>1 / sqrt<f32>(dotF32(streams, streams, length) / <f32>length + normEps)
    v128.store(mixed, f32x4.add(sigmoid(affine(mixed, base, 0, factor * load<f32>(scale))), f32x4.splat(eps)))
    if (mixWidth > n) {
      v128.store(mixed, f32x4.mul(sigmoid(affine(mixed, base, n, factor * load<f32>(scale, 4))), f32x4.splat(2)), 16)
      const combFactor = factor * load<f32>(scale, 8)
      for (let i: usize = 2 * n; i < mixWidth; i += 4) v128.store(mixed + (i << 2), affine(mixed, base, i, combFactor))
      sinkhorn(mixed + 32, iterations, eps)
    }
    weightStreams(mixed, streams, x, width)
    mixed += mixWidth << 2
    streams += length << 2
    x += width << 2
  }
}

/** Four columns of stream k, from the same columns of the streams before. */
// @ts-ignore: decorator
@inline
function renewed (coefficients: usize, k: usize, y: v128, a: v128, b: v128, c: v128, d: v128): v128 {
  const at = coefficients + (k << 2)
  let sum = f32x4.mul(y, v128.load32_splat(at, 16))
  sum = multiplyAdd(sum, a, v128.load32_splat(at, 32))
  sum = multiplyAdd(sum, b, v128.load32_splat(at, 48))
  sum = multiplyAdd(sum, c, v128.load32_splat(at, 64))
  return multiplyAdd(sum, d, v128.load32_splat(at, 80))
}

/** h'[k] = post[k] * y + sum over j of comb[j][k] * h[j] */
export function expandStreams (coefficients: usize, streams: usize, y: usize, rows: usize, width: usize): void {
  const rowBytes = width << 2
  for (let row: usize = 0; row < rows; row++) {
    const vectorEnd = y + ((width & ~3) << 2)
    const end = y + rowBytes
    let at = streams
    while (y < vectorEnd) {
      const update = v128.load(y)
      const a = v128.load(at)
      const b = v128.load(at + rowBytes)
      const c = v128.load(at + 2 * rowBytes)
      const d = v128.load(at + 3 * rowBytes)
      v128.store(at, renewed(coefficients, 0, update, a, b, c, d))
      v128.store(at + rowBytes, renewed(coefficients, 1, update, a, b, c, d))
      v128.store(at + 2 * rowBytes, renewed(coefficients, 2, update, a, b, c, d))
      v128.store(at + 3 * rowBytes, renewed(coefficients, 3, update, a, b, c, d))
      y += 16
      at += 16
    }
    while (y < end) {
      const update = v128.load32_splat(y)
      const a = v128.load32_splat(at)
      const b = v128.load32_splat(at + rowBytes)
      const c = v128.load32_splat(at + 2 * rowBytes)
      const d = v128.load32_splat(at + 3 * rowBytes)
      for (let k: usize = 0; k < n; k++) store<f32>(at + k * rowBytes, f32x4.extract_lane(renewed(coefficients, k, update, a, b, c, d), 0))
      y += 4
      at += 4
    }
    streams += n * rowBytes
    coefficients += (2 + n) * n << 2
  }
}
