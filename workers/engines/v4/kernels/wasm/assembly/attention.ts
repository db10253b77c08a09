import { softmaxWithSink } from './elementwise'
import { multiplyAdd, sumQuads } from './lanes'
import { loadSome } from './wide'

/** Value rows of this many keys stay in the second cache level while all heads pass over them. */
const keyBlock: usize = 64

// @ts-ignore: decorator
@inline
function keyAt (rowOffsets: usize, k: usize): usize {
  return <usize>load<u32>(rowOffsets + (k << 2))
}

/**
 * Products of two queries with four keys, which are read where they lie: four sums of the first query to `out`, then four of
 * the other. Each is summed in the order of every product, even and odd steps together.
 */
function dotEight (query: usize, other: usize, key0: usize, key1: usize, key2: usize, key3: usize, width: usize, out: usize): void {
  let a0 = f32x4.splat(0)
  let a1 = a0
  let a2 = a0
  let a3 = a0
  let b0 = a0
  let b1 = a0
  let b2 = a0
  let b3 = a0
  const end = query + ((width & ~3) << 2)
  while (query < end) {
    const q = v128.load(query)
    const r = v128.load(other)
    const x = v128.load(key0)
    a0 = multiplyAdd(a0, q, x)
    b0 = multiplyAdd(b0, r, x)
    const y = v128.load(key1)
    a1 = multiplyAdd(a1, q, y)
    b1 = multiplyAdd(b1, r, y)
    const z = v128.load(key2)
    a2 = multiplyAdd(a2, q, z)
    b2 = multiplyAdd(b2, r, z)
    const w = v128.load(key3)
    a3 = multiplyAdd(a3, q, w)
    b3 = multiplyAdd(b3, r, w)
    query += 16
    other += 16
    key0 += 16
    key1 += 16
    key2 += 16
    key3 += 16
  }
  const rest = width & 3
  if (rest) {
    const q = loadSome(query, rest)
    const r = loadSome(other, rest)
    const x = loadSome(key0, rest)
    a0 = multiplyAdd(a0, q, x)
    b0 = multiplyAdd(b0, r, x)
    const y = loadSome(key1, rest)
    a1 = multiplyAdd(a1, q, y)
    b1 = multiplyAdd(b1, r, y)
    const z = loadSome(key2, rest)
    a2 = multiplyAdd(a2, q, z)
    b2 = multiplyAdd(b2, r, z)
    const w = loadSome(key3, rest)
    a3 = multiplyAdd(a3, q, w)
    b3 = multiplyAdd(b3, r, w)
  }
  v128.store(out, sumQuads(a0, a1, a2, a3))
  v128.store(out, sumQuads(b0, b1, b2, b3), 16)
}

/** Stores the first `count` lanes, 4 at most. */
export function storeLanes (target: usize, lanes: v128, count: usize): void {
  if (count >= 4) return v128.store(target, lanes)
  store<f32>(target, f32x4.extract_lane(lanes, 0))
  if (count > 1) store<f32>(target, f32x4.extract_lane(lanes, 1), 4)
  if (count > 2) store<f32>(target, f32x4.extract_lane(lanes, 2), 8)
}

/** scores[h][k] = q[h] · key[k] * scale; `scratch` holds eight sums. */
function scoreKeys (q: usize, rowOffsets: usize, count: usize, width: usize, heads: usize, scale: f32, scores: usize, scratch: usize): void {
  const rowBytes = width << 2
  const scales = f32x4.splat(scale)
  const last = count - 1
  for (let k: usize = 0; k < count; k += 4) {
    const key0 = keyAt(rowOffsets, k)
    const key1 = keyAt(rowOffsets, min(k + 1, last))
    const key2 = keyAt(rowOffsets, min(k + 2, last))
    const key3 = keyAt(rowOffsets, min(k + 3, last))
    for (let h: usize = 0; h < heads; h += 2) {
      const other = min(h + 1, heads - 1)
      dotEight(q + h * rowBytes, q + other * rowBytes, key0, key1, key2, key3, width, scratch)
      storeLanes(scores + (h * count + k << 2), f32x4.mul(v128.load(scratch), scales), count - k)
      storeLanes(scores + (other * count + k << 2), f32x4.mul(v128.load(scratch, 16), scales), count - k)
    }
  }
}

/** Adds shares[k] * row k over `count` rows to 16 floats of two heads. */
function addRows (rowOffsets: usize, column: usize, count: usize, shares: usize, otherShares: usize, out: usize, other: usize): void {
  let a0 = v128.load(out)
  let a1 = v128.load(out, 16)
  let a2 = v128.load(out, 32)
  let a3 = v128.load(out, 48)
  let b0 = v128.load(other)
  let b1 = v128.load(other, 16)
  let b2 = v128.load(other, 32)
  let b3 = v128.load(other, 48)
  const end = rowOffsets + (count << 2)
  while (rowOffsets < end) {
    const row = <usize>load<u32>(rowOffsets) + column
    const share = v128.load32_splat(shares)
    const otherShare = v128.load32_splat(otherShares)
    const x = v128.load(row)
    a0 = multiplyAdd(a0, x, share)
    b0 = multiplyAdd(b0, x, otherShare)
    const y = v128.load(row, 16)
    a1 = multiplyAdd(a1, y, share)
    b1 = multiplyAdd(b1, y, otherShare)
    const z = v128.load(row, 32)
    a2 = multiplyAdd(a2, z, share)
    b2 = multiplyAdd(b2, z, otherShare)
    const w = v128.load(row, 48)
    a3 = multiplyAdd(a3, w, share)
    b3 = multiplyAdd(b3, w, otherShare)
    rowOffsets += 4
    shares += 4
    otherShares += 4
  }
  v128.store(out, a0)
  v128.store(out, a1, 16)
  v128.store(out, a2, 32)
  v128.store(out, a3, 48)
  // An odd last head is its own partner: both sums are the same then.
  v128.store(other, b0)
  v128.store(other, b1, 16)
  v128.store(other, b2, 32)
  v128.store(other, b3, 48)
}

function addColumn (rowOffsets: usize, column: usize, count: usize, shares: usize, out: usize): void {
  let sum = load<f32>(out)
  for (let k: usize = 0; k < count; k++) sum += load<f32>(keyAt(rowOffsets, k) + column) * load<f32>(shares + (k << 2))
  store<f32>(out, sum)
}

/** out[h] = sum over k of shares[h][k] * row k */
function mixRows (rowOffsets: usize, count: usize, width: usize, heads: usize, shares: usize, out: usize): void {
  const rowBytes = width << 2
  const wideBytes = (width & ~15) << 2
  memory.fill(out, 0, heads * rowBytes)
  for (let k: usize = 0; k < count; k += keyBlock) {
    const height = min(keyBlock, count - k)
    const rows = rowOffsets + (k << 2)
    for (let h: usize = 0; h < heads; h += 2) {
      const other = min(h + 1, heads - 1)
      const share = shares + (h * count + k << 2)
      const otherShare = shares + (other * count + k << 2)
      for (let column: usize = 0; column < wideBytes; column += 64) {
        addRows(rows, column, height, share, otherShare, out + h * rowBytes + column, out + other * rowBytes + column)
      }
      for (let column = wideBytes; column < rowBytes; column += 4) {
        addColumn(rows, column, height, share, out + h * rowBytes + column)
        if (other != h) addColumn(rows, column, height, otherShare, out + other * rowBytes + column)
      }
    }
  }
}

/** Attention of one token over listed rows; `scratch` holds heads * count scores and eight sums. */
export function attend (q: usize, rowOffsets: usize, count: usize, width: usize, heads: usize, scale: f32, sinks: usize, out: usize, scratch: usize): void {
  const scores = scratch
  scoreKeys(q, rowOffsets, count, width, heads, scale, scores, scratch + ((heads * count << 2) + 15 & ~15))
  for (let h: usize = 0; h < heads; h++) softmaxWithSink(scores + (h * count << 2), count, load<f32>(sinks + (h << 2)))
  mixRows(rowOffsets, count, width, heads, scores, out)
}
