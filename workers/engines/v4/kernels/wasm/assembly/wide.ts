import { multiplyAdd, stepAhead, sumLanes, widenHigh, widenLow } from './lanes'

/**
 * Every product sums the 4-column steps of a row in one order, whatever the batch and however many rows are taken
 * together: even steps in one vector, odd steps in another, then both, then the lanes. A result therefore depends on its
 * row and its input alone, bit for bit.
 */

/** The first 1 to 3 floats, zeros behind them. */
// @ts-ignore: decorator
@inline
export function loadSome (address: usize, count: usize): v128 {
  if (count == 1) return v128.load32_zero(address)
  const two = v128.load64_zero(address)
  return count == 2 ? two : f32x4.replace_lane(two, 2, load<f32>(address, 8))
}

// @ts-ignore: decorator
@inline
function loadBfloat16 (address: usize): f32 {
  return reinterpret<f32>(<u32>load<u16>(address) << 16)
}

/** The first 1 to 3 bfloat16 codes as f32, zeros behind them. */
function widenSome (address: usize, count: usize): v128 {
  let lanes = f32x4.replace_lane(f32x4.splat(0), 0, loadBfloat16(address))
  if (count > 1) lanes = f32x4.replace_lane(lanes, 1, loadBfloat16(address + 2))
  if (count > 2) lanes = f32x4.replace_lane(lanes, 2, loadBfloat16(address + 4))
  return lanes
}

/** Stores a result, or adds it to what is there. */
// @ts-ignore: decorator
@inline
export function put (y: usize, value: f32, add: u32): void {
  store<f32>(y, add ? load<f32>(y) + value : value)
}

/** Adds the products of the last `columns` (0 to 7) columns of a row to the even and odd sums. */
function finishBf16 (weights: usize, x: usize, columns: usize, even: v128, odd: v128): f32 {
  if (columns >= 4) {
    even = multiplyAdd(even, widenLow(v128.load64_zero(weights)), v128.load(x))
    if (columns > 4) odd = multiplyAdd(odd, widenSome(weights + 8, columns - 4), loadSome(x + 16, columns - 4))
  } else if (columns) {
    even = multiplyAdd(even, widenSome(weights, columns), loadSome(x, columns))
  }
  return sumLanes(f32x4.add(even, odd))
}

/** Products of `rows` (1 to 3) rows, `rowBytes` apart, with x, stored or added at y; x is read once for all. @param ahead rows to touch, as long as three, or 0 */
export function dotBf16 (weights: usize, rowBytes: usize, rows: usize, x: usize, columns: usize, y: usize, add: u32, ahead: usize): void {
  let a0 = f32x4.splat(0)
  let a1 = f32x4.splat(0)
  let b0 = f32x4.splat(0)
  let b1 = f32x4.splat(0)
  let c0 = f32x4.splat(0)
  let c1 = f32x4.splat(0)
  // Rows that are not there repeat the one before.
  let second = rows > 1 ? weights + rowBytes : weights
  let third = rows > 2 ? second + rowBytes : second
  const touched = stepAhead(ahead, 48)
  const end = weights + ((columns & ~7) << 1)
  while (weights < end) {
    load<u8>(ahead)
    ahead += touched
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
  put(y, finishBf16(weights, x, tail, a0, a1), add)
  if (rows > 1) put(y + 4, finishBf16(second, x, tail, b0, b1), add)
  if (rows > 2) put(y + 8, finishBf16(third, x, tail, c0, c1), add)
}

function finishF32 (weights: usize, x: usize, columns: usize, even: v128, odd: v128): f32 {
  if (columns >= 4) {
    even = multiplyAdd(even, v128.load(weights), v128.load(x))
    if (columns > 4) odd = multiplyAdd(odd, loadSome(weights + 16, columns - 4), loadSome(x + 16, columns - 4))
  } else if (columns) {
    even = multiplyAdd(even, loadSome(weights, columns), loadSome(x, columns))
  }
  return sumLanes(f32x4.add(even, odd))
}

/** Products of one or two f32 rows with x, stored or added at y. @param ahead rows to touch, as long as two, or 0 */
export function dotRowsF32 (weights: usize, rowBytes: usize, rows: usize, x: usize, columns: usize, y: usize, add: u32, ahead: usize): void {
  let a0 = f32x4.splat(0)
  let a1 = f32x4.splat(0)
  let b0 = f32x4.splat(0)
  let b1 = f32x4.splat(0)
  let second = rows > 1 ? weights + rowBytes : weights
  const touched = stepAhead(ahead, 64)
  const end = weights + ((columns & ~7) << 2)
  while (weights < end) {
    load<u8>(ahead)
    ahead += touched
    const low = v128.load(x)
    const high = v128.load(x, 16)
    a0 = multiplyAdd(a0, v128.load(weights), low)
    a1 = multiplyAdd(a1, v128.load(weights, 16), high)
    b0 = multiplyAdd(b0, v128.load(second), low)
    b1 = multiplyAdd(b1, v128.load(second, 16), high)
    weights += 32
    second += 32
    x += 32
  }
  const tail = columns & 7
  put(y, finishF32(weights, x, tail, a0, a1), add)
  if (rows > 1) put(y + 4, finishF32(second, x, tail, b0, b1), add)
}

/** Widens `columns` weights as one row of a quad, zero-padded to 4 columns: even steps at `even`, odd ones at `odd`. */
export function decodeBf16 (weights: usize, columns: usize, even: usize, odd: usize): void {
  const vectorEnd = weights + ((columns & ~7) << 1)
  while (weights < vectorEnd) {
    const codes = v128.load(weights)
    v128.store(even, widenLow(codes))
    v128.store(odd, widenHigh(codes))
    weights += 16
    even += 64
    odd += 64
  }
  const tail = columns & 7
  if (tail >= 4) {
    v128.store(even, widenLow(v128.load64_zero(weights)))
    if (tail > 4) v128.store(odd, widenSome(weights + 8, tail - 4))
  } else if (tail) {
    v128.store(even, widenSome(weights, tail))
  }
}

/** Sum of products of two f32 vectors. */
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
