/** How long answers turn out, against what clients allow for them: one of a tier's jobs, exponentially weighted. */

const assumedMeanTokens = 512
const assumedHighTokens = 2048
const learningShare = 0.02
const highQuantile = 0.9

export class AnswerLengths {
  #mean = assumedMeanTokens
  #high = assumedHighTokens

  /** Of an answer with this limit, on average. */
  expected (maxTokens: number): number {
    return Math.min(maxTokens, Math.max(1, this.#mean))
  }

  /** Nine answers of ten are not longer: what memory is set aside for. */
  reserved (maxTokens: number): number {
    return Math.min(maxTokens, Math.max(1, Math.ceil(this.#high)))
  }

  learn (tokens: number): void {
    this.#mean += learningShare * (tokens - this.#mean)
    // The quantile where steps up, nine times as large, and steps down balance.
    const step = learningShare * Math.max(16, this.#high)
    this.#high = Math.max(1, this.#high + (tokens > this.#high ? step * highQuantile : -step * (1 - highQuantile)))
  }
}
