import { multiplyAdd, sumLanes, widenHigh, widenLow } from './lanes'

// @ts-ignore: decorator
@inline
function loadBfloat16 (address: usize): f32 {
  return reinterpret<f32>(<u32>load<u16>(address) << 16)
}

/** Products of three rows, `rowBytes` apart, with x, stored or added at y; x is read once for all. */
export function dotThreeBf16 (weights: usize, rowBytes: usize, x: usize, columns: usize, y: usize, add: u32): void {
  let a0 = f32x4.splat(0)
  let a1 = f32x4.splat(0)
  let b0 = f32x4.splat(0)
  let b1 = f32x4.splat(0)
  let c0 = f32x4.splat(0)
  let c1 = f32x4.splat(0)
  let second = weights + rowBytes
  let third = second + rowBytes
  const end = weights + ((columns & ~7) << 1)
  while (weights < end) {
    const low = v128.load(x)
    const high = v128.load(x, 16)
    const a = v128.load(weights)
    a0 = multiplyAdd(a0, widenLow(a), low)
    a1 = multiplyAdd(a1, widenHigh(a), high)
    const b = v128.load(second)
    b0 = multiplyAdd(b0, widenLow(b), low)
    b1 = multiplyAdd(b1, widenHigh(b), high)
    const c = v128.load(third)
    c0 = multiplyAdd(c0, widenLow(c), low)
    c1 = multiplyAdd(c1, widenHigh(c), high)
    weights += 16
    second += 16
    third += 16
    x += 32
  }
  const tail = columns & 7
  put(y, sumLanes(f32x4.add(a0, a1)) + dotBf16(weights, x, tail), add)
  put(y + 4, sumLanes(f32x4.add(b0, b1)) + dotBf16(second, x, tail), add)
  put(y + 8, sumLanes(f32x4.add(c0, c1)) + dotBf16(third, x, tail), add)
}

/** Stores a result, or adds it to what is there. */
// @ts-ignore: decorator
@inline
export function put (y: usize, value: f32, add: u32): void {
  store<f32>(y, add ? load<f32>(y) + value : value)
}

export function dotBf16 (weights: usize, x: usize, columns: usize): f32 {
  let a = f32x4.splat(0)
  let b = f32x4.splat(0)
  let c = f32x4.splat(0)
  let d = f32x4.splat(0)
  let rest: f32 = 0
  const vectorEnd = weights + ((columns & ~15) << 1)
  const end = weights + (columns << 1)
  while (weights < vectorEnd) {
    const first = v128.load(weights)
    const last = v128.load(weights, 16)
    a = multiplyAdd(a, widenLow(first), v128.load(x))
    b = multiplyAdd(b, widenHigh(first), v128.load(x, 16))
    c = multiplyAdd(c, widenLow(last), v128.load(x, 32))
    d = multiplyAdd(d, widenHigh(last), v128.load(x, 48))
    weights += 32
    x += 64
  }
  while (weights < end) {
    rest += loadBfloat16(weights) * load<f32>(x)
    weights += 2
    x += 4
  }
  return sumLanes(f32x4.add(f32x4.add(a, b), f32x4.add(c, d))) + rest
}

/** Widens `columns` weights as one row of a quad, zero-padded to 4 columns. */
export function decodeBf16 (weights: usize, columns: usize, target: usize): void {
  const vectorEnd = weights + ((columns & ~7) << 1)
  while (weights < vectorEnd) {
    const codes = v128.load(weights)
    v128.store(target, widenLow(codes))
    v128.store(target, widenHigh(codes), 64)
    weights += 16
    target += 128
  }
  const tail = columns & 7
  for (let i: usize = 0; i < tail; i++) {
    if (!(i & 3)) v128.store(target + (i << 4), i32x4.splat(0))
    store<f32>(target + ((i & ~3) << 4) + ((i & 3) << 2), loadBfloat16(weights + (i << 1)))
  }
}

export function dotF32 (weights: usize, x: usize, columns: usize): f32 {
  let a = f32x4.splat(0)
  let b = f32x4.splat(0)
  let c = f32x4.splat(0)
  let d = f32x4.splat(0)
  let rest: f32 = 0
  const vectorEnd = weights + ((columns & ~15) << 2)
  const end = weights + (columns << 2)
  while (weights < vectorEnd) {
    a = multiplyAdd(a, v128.load(weights), v128.load(x))
    b = multiplyAdd(b, v128.load(weights, 16), v128.load(x, 16))
    c = multiplyAdd(c, v128.load(weights, 32), v128.load(x, 32))
    d = multiplyAdd(d, v128.load(weights, 48), v128.load(x, 48))
    weights += 64
    x += 64
  }
  while (weights < end) {
    rest += load<f32>(weights) * load<f32>(x)
    weights += 4
    x += 4
  }
  return sumLanes(f32x4.add(f32x4.add(a, b), f32x4.add(c, d))) + rest
}
