/**
 * The blocks of a prompt, each known by a hash of everything up to its end: two prompts share a block only where they are
 * the same from the first token on. Workers keep prefixes in blocks too, of 64 to 256 tokens; 128 is near enough to guess
 * what they hold.
 */
export const blockTokens = 128

const lowShift = 11
const lowRange = 2 ** 21

/** Two lanes of 32 bits, of which 53 are kept: a hash is a plain number, and a collision only misjudges a cache hit. */
export class BlockChain {
  readonly #hashes: number[] = []
  #high = 0x9e3779b9 | 0
  #low = 0x85ebca6b | 0
  #length = 0

  /** Chains of different salts never share a block. */
  constructor (salt: string) {
    this.#mix(Array.from(salt, character => character.charCodeAt(0)), 0, salt.length)
  }

  /** One for each full block. */
  get hashes (): readonly number[] {
    return this.#hashes
  }

  /** Tokens so far; those after the last full block are in no hash yet. */
  get length (): number {
    return this.#length
  }

  /** Goes on after what was added before. */
  add (tokenIds: ArrayLike<number>, from = 0): void {
    let position = from
    while (position < tokenIds.length) {
      const end = Math.min(tokenIds.length, position + blockTokens - this.#length % blockTokens)
      this.#mix(tokenIds, position, end)
      this.#length += end - position
      position = end
      if (this.#length % blockTokens !== 0) return
      // The state after a block is no more than its hash, so that a chain can be taken up again at any block.
      this.#low >>>= lowShift
      this.#hashes.push((this.#high >>> 0) * lowRange + this.#low)
    }
  }

  copy (): BlockChain {
    const copy = new BlockChain('')
    for (const hash of this.#hashes) copy.#hashes.push(hash)
    copy.#length = this.#length
    copy.#high = this.#high
    copy.#low = this.#low
    return copy
  }

  /** The chain of the first blocks only, to be gone on with in another direction. */
  upTo (blocks: number): BlockChain {
    const branch = new BlockChain('')
    const last = this.#hashes[blocks - 1]
    if (last === undefined) throw new RangeError(`a chain of ${this.#hashes.length} blocks has no block ${blocks}`)
    for (let block = 0; block < blocks; block++) branch.#hashes.push(this.#hashes[block] ?? 0)
    branch.#length = blocks * blockTokens
    branch.#high = Math.floor(last / lowRange) | 0
    branch.#low = last % lowRange
    return branch
  }

  #mix (values: ArrayLike<number>, from: number, to: number): void {
    let [high, low] = [this.#high, this.#low]
    for (let position = from; position < to; position++) {
      const value = values[position] ?? 0
      high = Math.imul(high ^ value, 0x9e3779b1)
      high ^= high >>> 15
      low = Math.imul(low + value, 0x85ebca77) ^ high
      low ^= low >>> 13
    }
    this.#high = high
    this.#low = low
  }
}
