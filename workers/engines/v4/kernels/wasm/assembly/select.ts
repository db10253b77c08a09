import { storeLanes } from './attention'
import { multiplyAdd, sumQuads } from './lanes'

/**
 * Products of two queries with a quad of keys, whose steps of 4 columns lie side by side: four sums of the first query to `out`,
 * then four of the other.
 */
function dotQuad (query: usize, other: usize, keys: usize, width: usize, out: usize): void {
  let a0 = f32x4.splat(0)
  let a1 = a0
  let a2 = a0
  let a3 = a0
  let b0 = a0
  let b1 = a0
  let b2 = a0
  let b3 = a0
  const end = query + (width << 2)
  while (query < end) {
    const q = v128.load(query)
    const r = v128.load(other)
    const x = v128.load(keys)
    a0 = multiplyAdd(a0, q, x)
    b0 = multiplyAdd(b0, r, x)
    const y = v128.load(keys, 16)
    a1 = multiplyAdd(a1, q, y)
    b1 = multiplyAdd(b1, r, y)
    const z = v128.load(keys, 32)
    a2 = multiplyAdd(a2, q, z)
    b2 = multiplyAdd(b2, r, z)
    const w = v128.load(keys, 48)
    a3 = multiplyAdd(a3, q, w)
    b3 = multiplyAdd(b3, r, w)
    query += 16
    other += 16
    keys += 64
  }
  v128.store(out, sumQuads(a0, a1, a2, a3))
  v128.store(out, sumQuads(b0, b1, b2, b3), 16)
}

/** scores[i] = sum over heads of headWeights[h] * relu(q[h] · key i); `runs` lists where each `runLength` keys begin, in quads. */
export function indexScores (q: usize, headWeights: usize, runs: usize, runLength: usize, count: usize, width: usize, heads: usize, scores: usize, scratch: usize): void {
  const rowBytes = width << 2
  const none = f32x4.splat(0)
  for (let begin: usize = 0; begin < count; begin += runLength) {
    const keys = <usize>load<u32>(runs)
    const length = min(runLength, count - begin)
    for (let k: usize = 0; k < length; k += 4) {
      let sums = none
      for (let h: usize = 0; h < heads; h += 2) {
        const query = q + h * rowBytes
        const hasOther = h + 1 < heads
        dotQuad(query, hasOther ? query + rowBytes : query, keys + k * rowBytes, width, scratch)
        const weights = headWeights + (h << 2)
        sums = f32x4.add(sums, f32x4.mul(v128.load32_splat(weights), f32x4.pmax(v128.load(scratch), none)))
        if (hasOther) sums = f32x4.add(sums, f32x4.mul(v128.load32_splat(weights + 4), f32x4.pmax(v128.load(scratch, 16), none)))
      }
      storeLanes(scores + (k << 2), sums, length - k)
    }
    runs += 4
    scores += runLength << 2
  }
}

/** A number that at least k scores reach: of as many groups, the smallest of the largest. */
function lowerBound (scores: usize, count: usize, k: usize): f32 {
  const groups = (k + 3) >> 2
  // Lanes are groups of their own.
  const length = (count >> 2) / groups
  if (length < 2) return -Infinity
  let smallest = f32x4.splat(Infinity)
  for (let group: usize = 0; group < groups; group++) {
    let largest = v128.load(scores)
    const end = scores + (length << 4)
    for (scores += 16; scores < end; scores += 16) largest = f32x4.pmax(largest, v128.load(scores))
    smallest = f32x4.pmin(smallest, largest)
  }
  return min(min(f32x4.extract_lane(smallest, 0), f32x4.extract_lane(smallest, 1)), min(f32x4.extract_lane(smallest, 2), f32x4.extract_lane(smallest, 3)))
}

/** Lists the scores that are not below the bound: their indices, ascending, and their values. @returns how many there are */
function listCandidates (scores: usize, count: usize, bound: f32, indices: usize, values: usize): usize {
  const bounds = f32x4.splat(bound)
  let found: usize = 0
  for (let i: usize = 0; i < count; i += 4) {
    const place = scores + (i << 2)
    // Those behind the last are no scores.
    const real: i32 = count - i < 4 ? (1 << <i32>(count - i)) - 1 : 15
    for (let hits = i32x4.bitmask(f32x4.ge(v128.load(place), bounds)) & real; hits; hits &= hits - 1) {
      const lane = <usize>ctz(hits)
      store<u32>(indices + (found << 2), <u32>(i + lane))
      store<f32>(values + (found << 2), load<f32>(place + (lane << 2)))
      found++
    }
  }
  return found
}

/** Quickselect with the middle as pivot; mixes the values up. @param k 1 to count */
function kthLargest (values: usize, count: usize, k: usize): f32 {
  let low = values
  let high = values + (count - 1 << 2)
  const place = values + (k - 1 << 2)
  while (low < high) {
    const pivot = load<f32>(low + ((high - low >> 3) << 2))
    let left = low
    let right = high
    while (left <= right) {
      while (load<f32>(left) > pivot) left += 4
      while (load<f32>(right) < pivot) right -= 4
      if (left > right) break
      const held = load<f32>(left)
      store<f32>(left, load<f32>(right))
      store<f32>(right, held)
      left += 4
      right -= 4
    }
    if (place <= right) high = right
    else if (place >= left) low = left
    else break
  }
  return load<f32>(place)
}

/**
 * The k largest scores, the first among equals: their indices, ascending, to `picks`. `scores` may be read, not looked at, up to 12 bytes
 * behind its end; `scratch` holds two words a score. @returns how many there are
 */
export function selectTop (scores: usize, count: usize, k: usize, picks: usize, scratch: usize): usize {
  if (!k) return 0
  const values = scratch + (count << 2)
  const found = listCandidates(scores, count, k < count ? lowerBound(scores, count, k) : -Infinity, scratch, values)
  if (found <= k) {
    memory.copy(picks, scratch, found << 2)
    return found
  }
  const threshold = kthLargest(values, found, k)
  let above: usize = 0
  for (let i: usize = 0; i < found; i++) above += <usize>(load<f32>(scores + (load<u32>(scratch + (i << 2)) << 2)) > threshold)
  let equals = k - above
  let picked: usize = 0
  for (let i: usize = 0; i < found && picked < k; i++) {
    const index = load<u32>(scratch + (i << 2))
    const score = load<f32>(scores + (index << 2))
    if (score < threshold) continue
    if (score == threshold) {
      if (!equals) continue
      equals--
    }
    store<u32>(picks + (picked++ << 2), index)
  }
  return picked
}
