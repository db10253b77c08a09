/** The k largest of many scores, the lowest index first among equals, in O(n). */
export class TopK {
  readonly #copy: Float64Array
  readonly #picks: Int32Array

  /** @param maxCount most scores of one call @param maxPicks largest k */
  constructor (maxCount: number, maxPicks: number) {
    this.#copy = new Float64Array(maxCount)
    this.#picks = new Int32Array(maxPicks)
  }

  /**
   * @returns a view, valid until the next call, of min(k, count) indices in ascending order
   */
  pick (scores: ArrayLike<number>, count: number, k: number): Int32Array {
    const wanted = Math.min(k, count)
    const threshold = wanted === 0 ? Infinity : this.#kthLargest(scores, count, wanted)
    let above = 0
    for (let i = 0; i < count; i++) if ((scores[i] ?? 0) > threshold) above++
    let equals = wanted - above
    let picked = 0
    for (let i = 0; i < count && picked < wanted; i++) {
      const score = scores[i] ?? 0
      if (score > threshold || (score === threshold && equals-- > 0)) this.#picks[picked++] = i
    }
    return this.#picks.subarray(0, picked)
  }

  /** Quickselect with the middle as pivot, on a copy. */
  #kthLargest (scores: ArrayLike<number>, count: number, k: number): number {
    const copy = this.#copy
    for (let i = 0; i < count; i++) copy[i] = scores[i] ?? 0
    let low = 0
    let high = count - 1
    while (low < high) {
      const pivot = copy[(low + high) >> 1] ?? 0
      let left = low
      let right = high
      while (left <= right) {
        while ((copy[left] ?? 0) > pivot) left++
        while ((copy[right] ?? 0) < pivot) right--
        if (left <= right) {
          const held = copy[left] ?? 0
          copy[left++] = copy[right] ?? 0
          copy[right--] = held
        }
      }
      if (k - 1 <= right) high = right
      else if (k - 1 >= left) low = left
      else break
    }
    return copy[k - 1] ?? -Infinity
  }
}
