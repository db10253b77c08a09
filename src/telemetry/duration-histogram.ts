/**
 * Counts durations in buckets that grow by a constant factor, so that any number of them takes a kilobyte, two histograms can be
 * added, and a percentile is off by at most half the factor's step (7 %).
 */
const smallestMs = 0.1
const factor = 1.15
/** Up to half an hour. */
const bucketCount = 120
const logFactor = Math.log(factor)

export class DurationHistogram {
  readonly #counts = new Uint32Array(bucketCount)
  #total = 0

  add (milliseconds: number): void {
    const bucket = milliseconds <= smallestMs ? 0 : Math.min(bucketCount - 1, Math.floor(Math.log(milliseconds / smallestMs) / logFactor))
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1
    this.#total++
  }

  merge (other: DurationHistogram): void {
    for (const [bucket, count] of other.#counts.entries()) this.#counts[bucket] = (this.#counts[bucket] ?? 0) + count
    this.#total += other.#total
  }

  /** @param share 0 to 1. @returns milliseconds; null without a value to take it from */
  percentile (share: number): number | null {
    if (this.#total === 0) return null
    const rank = Math.max(1, Math.ceil(this.#total * share))
    let seen = 0
    const bucket = this.#counts.findIndex(count => (seen += count) >= rank)
    return smallestMs * factor ** (bucket + 0.5)
  }
}
