/**
 * How many tokens a key's answers usually have, learned from its own last ones: the 95th percentile per key and tier.
 * Kept in this process only; a new gateway starts from `coldTokens` and learns within a few answers.
 */
import type { Tier } from '../../workers/contract/job.js'

const remembered = 64
const mostKeys = 10_000
const enough = 5
export const coldTokens = 2048

export class OutputEstimate {
  readonly #lengths = new Map<string, number[]>()

  learn (keyId: string, tier: Tier, completionTokens: number): void {
    const name = `${tier}:${keyId}`
    const lengths = this.#lengths.get(name) ?? []
    lengths.push(completionTokens)
    if (lengths.length > remembered) lengths.shift()
    // Re-inserted at the end, so that the first of the map is the one not seen for longest.
    this.#lengths.delete(name)
    this.#lengths.set(name, lengths)
    const [oldest] = this.#lengths.keys()
    if (this.#lengths.size > mostKeys && oldest !== undefined) this.#lengths.delete(oldest)
  }

  expect (keyId: string, tier: Tier, maxOutputTokens: number): number {
    const lengths = this.#lengths.get(`${tier}:${keyId}`) ?? []
    if (lengths.length < enough) return Math.min(maxOutputTokens, coldTokens)
    const sorted = lengths.toSorted((a, b) => a - b)
    return Math.min(maxOutputTokens, sorted[Math.ceil(sorted.length * 0.95) - 1] ?? coldTokens)
  }
}
