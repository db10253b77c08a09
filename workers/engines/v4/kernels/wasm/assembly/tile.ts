import { dotF32 } from './wide'
import { multiplyAdd, sumLanes } from './lanes'

// @ts-ignore: decorator
@inline
function accumulate (address: usize, value: f32): void {
  store<f32>(address, load<f32>(address) + value)
}

/** Four rows of f32 weights, `rowStride` bytes apart, times two inputs: eight sums over `columns` added to y. */
function tileOfTwo (weights: usize, rowStride: usize, x: usize, xStride: usize, columns: usize, y: usize, yStride: usize): void {
  let a0 = f32x4.splat(0)
  let b0 = f32x4.splat(0)
  let c0 = f32x4.splat(0)
  let d0 = f32x4.splat(0)
  let a1 = f32x4.splat(0)
  let b1 = f32x4.splat(0)
  let c1 = f32x4.splat(0)
  let d1 = f32x4.splat(0)
  const vectorEnd = x + ((columns & ~3) << 2)
  let second = x + xStride
  let wa = weights
  let wb = weights + rowStride
  let wc = wb + rowStride
  let wd = wc + rowStride
  while (x < vectorEnd) {
    const x0 = v128.load(x)
    const x1 = v128.load(second)
    let w = v128.load(wa)
    a0 = multiplyAdd(a0, w, x0)
    a1 = multiplyAdd(a1, w, x1)
    w = v128.load(wb)
    b0 = multiplyAdd(b0, w, x0)
    b1 = multiplyAdd(b1, w, x1)
    w = v128.load(wc)
    c0 = multiplyAdd(c0, w, x0)
    c1 = multiplyAdd(c1, w, x1)
    w = v128.load(wd)
    d0 = multiplyAdd(d0, w, x0)
    d1 = multiplyAdd(d1, w, x1)
    x += 16
    second += 16
    wa += 16
    wb += 16
    wc += 16
    wd += 16
  }
  const z = y + yStride
  const tail = columns & 3
  accumulate(y, sumLanes(a0) + dotF32(wa, x, tail))
  accumulate(y + 4, sumLanes(b0) + dotF32(wb, x, tail))
  accumulate(y + 8, sumLanes(c0) + dotF32(wc, x, tail))
  accumulate(y + 12, sumLanes(d0) + dotF32(wd, x, tail))
  accumulate(z, sumLanes(a1) + dotF32(wa, second, tail))
  accumulate(z + 4, sumLanes(b1) + dotF32(wb, second, tail))
  accumulate(z + 8, sumLanes(c1) + dotF32(wc, second, tail))
  accumulate(z + 12, sumLanes(d1) + dotF32(wd, second, tail))
}

/** y[b][r] += W x over f32 weights: `rows` rows `rowStride` bytes apart; x and y strides are bytes too. */
export function tileF32 (weights: usize, rowStride: usize, rows: usize, columns: usize, x: usize, xStride: usize, y: usize, yStride: usize, batch: usize): void {
  let r: usize = 0
  for (; r + 4 <= rows; r += 4) {
    let b: usize = 0
    for (; b + 2 <= batch; b += 2) {
      tileOfTwo(weights + r * rowStride, rowStride, x + b * xStride, xStride, columns, y + b * yStride + (r << 2), yStride)
    }
    if (b < batch) {
      for (let i = r; i < r + 4; i++) accumulate(y + b * yStride + (i << 2), dotF32(weights + i * rowStride, x + b * xStride, columns))
    }
  }
  for (; r < rows; r++) {
    for (let b: usize = 0; b < batch; b++) accumulate(y + b * yStride + (r << 2), dotF32(weights + r * rowStride, x + b * xStride, columns))
  }
}
