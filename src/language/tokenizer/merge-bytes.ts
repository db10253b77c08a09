/**
 * BPE over the bytes of one piece: again and again, the adjacent pair with the lowest rank is joined, the leftmost
 * first among equals, until no rule applies.
 */
import type { IdBuffer } from './id-buffer.js'
import { MergeTable, noRank } from './merge-table.js'
import type { Vocabulary } from './vocabulary.js'

/** Up to here a plain scan for the lowest rank beats the heap; above, its square of work would tell. */
const shortPieceBytes = 96

export class ByteMerger {
  readonly #byteIds: Int32Array
  readonly #table: MergeTable
  readonly #ids = new Int32Array(shortPieceBytes)
  readonly #ranks = new Int32Array(shortPieceBytes)

  constructor (vocabulary: Pick<Vocabulary, 'byteIds' | 'merges'>) {
    this.#byteIds = vocabulary.byteIds
    this.#table = new MergeTable(vocabulary.merges)
  }

  /** Appends the ids of `bytes[start … end)` to `ids`. */
  merge (bytes: Uint8Array, start: number, end: number, ids: IdBuffer): void {
    if (end - start <= shortPieceBytes) this.#mergeShort(bytes, start, end, ids)
    else this.#mergeLong(bytes, start, end, ids)
  }

  #mergeShort (bytes: Uint8Array, start: number, end: number, output: IdBuffer): void {
    const ids = this.#ids
    let count = end - start
    for (let position = 0; position < count; position++) ids[position] = this.#byteIds[bytes[start + position] ?? 0] ?? 0
    for (let position = 0; position < count - 1; position++) this.#rateShort(position)
    for (;;) {
      const at = indexOfLowest(this.#ranks, count - 1)
      if (at < 0) break
      ids[at] = this.#table.resultOf(this.#ranks[at] ?? noRank)
      ids.copyWithin(at + 1, at + 2, count)
      this.#ranks.copyWithin(at + 1, at + 2, count - 1)
      count--
      if (at > 0) this.#rateShort(at - 1)
      if (at < count - 1) this.#rateShort(at)
    }
    output.append(ids, 0, count)
  }

  /** `#ranks[i]` is the rank of the pair (i, i + 1) of `#ids`. */
  #rateShort (position: number): void {
    this.#ranks[position] = this.#table.rankOf(this.#ids[position] ?? 0, this.#ids[position + 1] ?? 0)
  }

  /** The same by a linked list and a heap of candidate pairs: n log n for n bytes. */
  #mergeLong (bytes: Uint8Array, start: number, end: number, output: IdBuffer): void {
    const table = this.#table
    const count = end - start
    const ids = new Int32Array(count)
    const next = new Int32Array(count)
    const previous = new Int32Array(count)
    const ranks = new Int32Array(count).fill(noRank)
    for (let position = 0; position < count; position++) {
      ids[position] = this.#byteIds[bytes[start + position] ?? 0] ?? 0
      next[position] = position + 1
      previous[position] = position - 1
    }
    const heap = new CandidateHeap(count * 3)
    const rate = (position: number): void => {
      const after = next[position] ?? count
      const rank = after < count ? table.rankOf(ids[position] ?? 0, ids[after] ?? 0) : noRank
      ranks[position] = rank
      if (rank !== noRank) heap.push(rank, position)
    }
    for (let position = 0; position < count; position++) rate(position)
    while (heap.pop()) {
      const position = heap.position
      // A candidate whose pair has changed since it was pushed is out of date.
      if (ranks[position] !== heap.rank) continue
      const joined = next[position] ?? count
      const after = next[joined] ?? count
      ids[position] = table.resultOf(heap.rank)
      ranks[joined] = noRank
      next[position] = after
      if (after < count) previous[after] = position
      const before = previous[position] ?? -1
      if (before >= 0) rate(before)
      rate(position)
    }
    for (let position = 0; position < count; position = next[position] ?? count) output.push(ids[position] ?? 0)
  }
}

/** The leftmost of the lowest of the first `count` ranks; -1 when no rule applies to any. */
function indexOfLowest (ranks: Int32Array, count: number): number {
  let lowest = noRank
  let at = -1
  for (let position = 0; position < count; position++) {
    const rank = ranks[position] ?? noRank
    if (rank < lowest) {
      lowest = rank
      at = position
    }
  }
  return at
}

/** A binary heap of (rank, position), lowest first; both in one double, whose 53 bits hold them exactly. */
class CandidateHeap {
  rank = 0
  position = 0
  #size = 0
  readonly #keys: Float64Array

  constructor (capacity: number) {
    this.#keys = new Float64Array(capacity)
  }

  push (rank: number, position: number): void {
    const keys = this.#keys
    const key = rank * positionSpan + position
    let slot = this.#size++
    while (slot > 0) {
      const parent = (slot - 1) >> 1
      const parentKey = keys[parent] ?? 0
      if (parentKey <= key) break
      keys[slot] = parentKey
      slot = parent
    }
    keys[slot] = key
  }

  /** Takes the lowest candidate into `rank` and `position`; false when there is none. */
  pop (): boolean {
    if (this.#size === 0) return false
    const keys = this.#keys
    const top = keys[0] ?? 0
    this.rank = Math.floor(top / positionSpan)
    this.position = top % positionSpan
    const last = keys[--this.#size] ?? 0
    let slot = 0
    for (;;) {
      let child = slot * 2 + 1
      if (child >= this.#size) break
      if (child + 1 < this.#size && (keys[child + 1] ?? 0) < (keys[child] ?? 0)) child++
      const childKey = keys[child] ?? 0
      if (childKey >= last) break
      keys[slot] = childKey
      slot = child
    }
    keys[slot] = last
    return true
  }
}

const positionSpan = 2 ** 31
