/**
 * What one worker's prefix cache probably holds: the blocks this gateway sent there, the longest unused forgotten first, as the
 * worker does it, and a share by which the worker's own counts correct the guess. And, for longer than the cache lasts, what
 * was sent there at all: a prefix that nobody holds any more is best computed where it was before, or it would wander and
 * push out others everywhere.
 */
import { blockTokens } from './block-chain.js'
import { RecentBlocks } from './recent-blocks.js'

export interface PrefixIndexOptions {
  /** Where the worker does not say how much it can keep. */
  assumedCapacityTokens?: number
}

/** However large a worker's cache is: about 5 MB of index. */
const mostBlocks = 65_536
/** What was sent is remembered for so many fillings of the cache. */
const remembered = 8
/** Weight of one job's count in what is learned. */
const learningShare = 0.1

export class PrefixIndex {
  readonly #held: RecentBlocks
  readonly #sent: RecentBlocks
  #trust = 1

  constructor ({ assumedCapacityTokens = 1_000_000 }: PrefixIndexOptions = {}) {
    this.#held = new RecentBlocks(blocksIn(assumedCapacityTokens))
    this.#sent = new RecentBlocks(blocksIn(assumedCapacityTokens * remembered))
  }

  /** Blocks that are believed to be there. */
  get size (): number {
    return this.#held.size
  }

  /** Blocks sent here, as far back as they are remembered. */
  get sentBlocks (): number {
    return this.#sent.size
  }

  /** 0 to 1: how much of what was believed to be there was. */
  get trust (): number {
    return this.#trust
  }

  /** Prompt tokens that should still be there; one token at least is left to compute. */
  heldTokens (hashes: readonly number[], promptTokens: number): number {
    return Math.min(Math.max(0, promptTokens - 1), this.#held.match(hashes) * blockTokens)
  }

  /** Prompt tokens whose state the worker probably has. */
  expectedTokens (hashes: readonly number[], promptTokens: number): number {
    return Math.floor(this.heldTokens(hashes, promptTokens) * this.#trust)
  }

  /** Prompt tokens that were sent here before. */
  sentTokens (hashes: readonly number[]): number {
    return this.#sent.match(hashes) * blockTokens
  }

  /** The worker has, or will have when it has computed them, these blocks. */
  insert (hashes: readonly number[]): void {
    this.#held.insert(hashes)
    this.#sent.insert(hashes)
  }

  /** What the worker reports of its memory; null changes nothing. */
  setCapacity (tokens: number | null): void {
    if (tokens === null || tokens === 0) return
    this.#held.setCapacity(blocksIn(tokens))
    this.#sent.setCapacity(blocksIn(tokens * remembered))
  }

  /** A worker said how much it found of what was believed to be there. */
  learn ({ heldTokens, cachedTokens }: { heldTokens: number, cachedTokens: number }): void {
    if (heldTokens < 2 * blockTokens) return
    // Its blocks may be larger than ours, so that a full hit can be a little short.
    const found = Math.min(1, (cachedTokens + blockTokens) / heldTokens)
    this.#trust += learningShare * (found - this.#trust)
  }
}

function blocksIn (tokens: number): number {
  return Math.min(mostBlocks, Math.max(1, Math.floor(tokens / blockTokens)))
}
