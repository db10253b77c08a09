import { softmaxWithSink } from './elementwise'
import { multiplyAdd, sumLanes } from './lanes'
import { clearSums, interleave, pair, quad, sumBytes, tileF32 } from './tile'

/** Value rows of this many keys stay in the second cache level while all heads pass over them. */
const keyBlock: usize = 64

// @ts-ignore: decorator
@inline
function keyAt (rowOffsets: usize, k: usize): usize {
  return <usize>load<u32>(rowOffsets + (k << 2))
}

// @ts-ignore: decorator
@inline
function paddedBytes (width: usize): usize {
  return ((width + 3) & ~3) << 2
}

/** Copies the queries to quads of heads; the last one is filled up with its last head. */
function interleaveQueries (q: usize, width: usize, heads: usize, target: usize): void {
  const rowBytes = paddedBytes(width)
  for (let h: usize = 0; h < ((heads + 3) & ~3); h++) {
    const quadRow = target + (h & ~3) * rowBytes + ((h & 3) << 4)
    interleave(q + min(h, heads - 1) * (width << 2), width, quadRow, quadRow + 64, 128)
  }
}

/** Copies keys k and k + 1 (or k twice at the end) to a pair. */
function interleaveKeys (rowOffsets: usize, k: usize, count: usize, width: usize, target: usize): void {
  interleave(keyAt(rowOffsets, k), width, target, target + 32, 64)
  interleave(keyAt(rowOffsets, min(k + 1, count - 1)), width, target + 16, target + 48, 64)
}

/** scores[h][k] = q[h] · key[k] * scale */
function scoreKeys (q: usize, rowOffsets: usize, count: usize, width: usize, heads: usize, scale: f32, scores: usize, scratch: usize): void {
  const rowBytes = paddedBytes(width)
  const keys = scratch + sumBytes
  const queries = keys + pair * rowBytes
  interleaveQueries(q, width, heads, queries)
  for (let k: usize = 0; k < count; k += pair) {
    interleaveKeys(rowOffsets, k, count, width, keys)
    for (let h: usize = 0; h < heads; h += quad) {
      clearSums(scratch)
      tileF32(queries + h * rowBytes, keys, (width + 3) >> 2, scratch)
      const height = min(quad, heads - h)
      for (let i: usize = 0; i < height; i++) {
        const target = scores + ((h + i) * count + k << 2)
        store<f32>(target, sumLanes(v128.load(scratch + (i << 5))) * scale)
        if (k + 1 < count) store<f32>(target, sumLanes(v128.load(scratch + (i << 5), 16)) * scale, 4)
      }
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

/** Attention of one token over listed rows; `scratch` holds heads * count scores, the queries, two keys and sums. */
export function attend (q: usize, rowOffsets: usize, count: usize, width: usize, heads: usize, scale: f32, sinks: usize, out: usize, scratch: usize): void {
  const scores = scratch
  scoreKeys(q, rowOffsets, count, width, heads, scale, scores, scratch + ((heads * count << 2) + 15 & ~15))
  for (let h: usize = 0; h < heads; h++) softmaxWithSink(scores + (h * count << 2), count, load<f32>(sinks + (h << 2)))
  mixRows(rowOffsets, count, width, heads, scores, out)
}

export function indexScores (q: usize, headWeights: usize, rowOffsets: usize, count: usize, width: usize, heads: usize, scores: usize, scratch: usize): void {
  const rowBytes = paddedBytes(width)
  const keys = scratch + sumBytes
  const queries = keys + pair * rowBytes
  interleaveQueries(q, width, heads, queries)
  for (let k: usize = 0; k < count; k += pair) {
    interleaveKeys(rowOffsets, k, count, width, keys)
    let first: f32 = 0
    let second: f32 = 0
    for (let h: usize = 0; h < heads; h += quad) {
      clearSums(scratch)
      tileF32(queries + h * rowBytes, keys, (width + 3) >> 2, scratch)
      const height = min(quad, heads - h)
      for (let i: usize = 0; i < height; i++) {
        const weight = load<f32>(headWeights + ((h + i) << 2))
        first += weight * max<f32>(sumLanes(v128.load(scratch + (i << 5))), 0)
        second += weight * max<f32>(sumLanes(v128.load(scratch + (i << 5), 16)), 0)
      }
    }
    store<f32>(scores + (k << 2), first)
    if (k + 1 < count) store<f32>(scores + (k << 2), second, 4)
  }
}
