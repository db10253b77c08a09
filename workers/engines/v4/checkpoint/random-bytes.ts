/** A stream of random bytes that a name and a seed decide (xorshift32, seeded with an FNV-1a hash). */
export class RandomBytes {
  #state: number

  constructor (name: string, seed: number) {
    let hash = 0x811c9dc5 ^ seed
    for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193)
    // 0 would stay 0 for ever.
    this.#state = hash === 0 ? 1 : hash
  }

  word (): number {
    let state = this.#state
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    this.#state = state
    return state >>> 0
  }

  /** In [0, 1). */
  unit (): number {
    return this.word() / 2 ** 32
  }

  bytes (count: number): Uint8Array {
    const words = new Uint32Array(Math.ceil(count / 4))
    for (let i = 0; i < words.length; i++) words[i] = this.word()
    return new Uint8Array(words.buffer, 0, count)
  }
}
