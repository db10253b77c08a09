/** Numbers from 0 to size - 1 that are lent and given back: slots, cache blocks. */
export class IdPool {
  readonly size: number
  readonly #free: number[]

  constructor (size: number) {
    this.size = size
    // Popped from the end, so the lowest ids go first.
    this.#free = Array.from({ length: size }, (_, index) => size - 1 - index)
  }

  get freeCount (): number { return this.#free.length }

  /** @throws RangeError when none is left: whoever takes has counted before */
  take (): number {
    const id = this.#free.pop()
    if (id === undefined) throw new RangeError(`all ${this.size} ids are taken`)
    return id
  }

  giveBack (ids: Iterable<number>): void {
    for (const id of ids) this.#free.push(id)
  }
}
