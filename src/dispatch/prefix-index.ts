/**
 * What one worker's prefix cache probably holds: the blocks this gateway sent there, the longest unused forgotten first, as the
 * worker does it, and a share by which the worker's own counts correct the guess.
 */
import { blockTokens } from './block-chain.js'

export interface PrefixIndexOptions {
  /** Where the worker does not say how much it can keep. */
  assumedCapacityTokens?: number
}

/** However large a worker's cache is: about 5 MB of index. */
const mostBlocks = 65_536
/** Weight of one job's count in what is learned. */
const learningShare = 0.1

export class PrefixIndex {
  /** Oldest first. Whoever uses a block uses those before it, so no block outlives the block it follows. */
  readonly #blocks = new Set<number>()
  #capacity: number
  #trust = 1

  constructor ({ assumedCapacityTokens = 1_000_000 }: PrefixIndexOptions = {}) {
    this.#capacity = blocksIn(assumedCapacityTokens)
  }

  get size (): number {
    return this.#blocks.size
  }

  /** 0 to 1: how much of what was believed to be there was. */
  get trust (): number {
    return this.#trust
  }

  /** Blocks of the chain that were sent here and should still be there. */
  match (hashes: readonly number[]): number {
    let [known, unknown] = [0, hashes.length + 1]
    while (unknown - known > 1) {
      const middle = (known + unknown) >> 1
      if (this.#blocks.has(hashes[middle - 1] ?? -1)) known = middle
      else unknown = middle
    }
    return known
  }

  /** Prompt tokens of the blocks that match; one token at least is left to compute. */
  matchedTokens (hashes: readonly number[], promptTokens: number): number {
    return Math.min(Math.max(0, promptTokens - 1), this.match(hashes) * blockTokens)
  }

  /** Prompt tokens whose state the worker probably has. */
  expectedTokens (hashes: readonly number[], promptTokens: number): number {
    return Math.floor(this.matchedTokens(hashes, promptTokens) * this.#trust)
  }

  /** The worker has, or will have when it has computed them, these blocks. */
  insert (hashes: readonly number[]): void {
    // The last first: the beginning of a prompt is what others may share, and must be the last to go.
    for (let position = hashes.length - 1; position >= 0; position--) {
      const hash = hashes[position] ?? 0
      this.#blocks.delete(hash)
      this.#blocks.add(hash)
    }
    this.#shrink()
  }

  /** What the worker reports of its memory; null changes nothing. */
  setCapacity (tokens: number | null): void {
    if (tokens === null || tokens === 0) return
    this.#capacity = blocksIn(tokens)
    this.#shrink()
  }

  /** A worker said how much it found of what was believed to be there. */
  learn ({ matchedTokens, cachedTokens }: { matchedTokens: number, cachedTokens: number }): void {
    if (matchedTokens < 2 * blockTokens) return
    // Its blocks may be larger than ours, so that a full hit can be a little short.
    const found = Math.min(1, (cachedTokens + blockTokens) / matchedTokens)
    this.#trust += learningShare * (found - this.#trust)
  }

  #shrink (): void {
    for (const oldest of this.#blocks) {
      if (this.#blocks.size <= this.#capacity) return
      this.#blocks.delete(oldest)
    }
  }
}

function blocksIn (tokens: number): number {
  return Math.min(mostBlocks, Math.max(1, Math.floor(tokens / blockTokens)))
}
