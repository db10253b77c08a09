/** Blocks of prompts in order of use; the longest unused are forgotten. */
export class RecentBlocks {
  /** Oldest first. Whoever uses a block uses those before it, so no block outlives the block it follows. */
  readonly #blocks = new Set<number>()
  #capacity: number

  constructor (capacity: number) {
    this.#capacity = capacity
  }

  get size (): number {
    return this.#blocks.size
  }

  /** How many of the chain's blocks are known. */
  match (hashes: readonly number[]): number {
    let [known, unknown] = [0, hashes.length + 1]
    while (unknown - known > 1) {
      const middle = (known + unknown) >> 1
      if (this.#blocks.has(hashes[middle - 1] ?? -1)) known = middle
      else unknown = middle
    }
    return known
  }

  insert (hashes: readonly number[]): void {
    // The last first: the beginning of a prompt is what others may share, and must be the last to go.
    for (let position = hashes.length - 1; position >= 0; position--) {
      const hash = hashes[position] ?? 0
      this.#blocks.delete(hash)
      this.#blocks.add(hash)
    }
    this.#shrink()
  }

  setCapacity (blocks: number): void {
    this.#capacity = blocks
    this.#shrink()
  }

  #shrink (): void {
    for (const oldest of this.#blocks) {
      if (this.#blocks.size <= this.#capacity) return
      this.#blocks.delete(oldest)
    }
  }
}
