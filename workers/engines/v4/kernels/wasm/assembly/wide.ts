import { multiplyAdd, sumLanes, widenHigh, widenLow } from './lanes'

// @ts-ignore: decorator
@inline
function loadBfloat16 (address: usize): f32 {
  return reinterpret<f32>(<u32>load<u16>(address) << 16)
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
