/** A growing list of token ids in one typed array: no boxing, and it crosses to another thread without a copy. */
export class IdBuffer {
  length = 0
  #ids: Uint32Array<ArrayBuffer>

  constructor (capacity: number) {
    this.#ids = new Uint32Array(Math.max(capacity, 16))
  }

  push (id: number): void {
    this.reserve(1)
    this.#ids[this.length++] = id
  }

  /** Appends `source[start … start + count)`. */
  append (source: Int32Array, start: number, count: number): void {
    this.reserve(count)
    for (let position = start; position < start + count; position++) this.#ids[this.length++] = source[position] ?? 0
  }

  reserve (count: number): void {
    if (this.length + count <= this.#ids.length) return
    const larger = new Uint32Array(Math.max(this.#ids.length * 2, this.length + count))
    larger.set(this.#ids)
    this.#ids = larger
  }

  at (position: number): number {
    return this.#ids[position] ?? 0
  }

  clear (): void {
    this.length = 0
  }

  /** The ids so far; shares memory until the next push. */
  view (): Uint32Array<ArrayBuffer> {
    return this.#ids.subarray(0, this.length)
  }
}

/** Typed ids as a plain array; several times faster than Array.from. `from` and `to` allow it to be done in parts. */
export function fillArray (target: number[], ids: Uint32Array, from = 0, to = ids.length): number[] {
  for (let position = from; position < to; position++) target[position] = ids[position] ?? 0
  return target
}
