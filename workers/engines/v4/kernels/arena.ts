const pageBytes = 65_536
const maximumPages = 65_536
const headerBytes = 1_024
/** Word of the header that holds the first free byte, counted in units of 16 bytes so that 4 GiB fits. */
const nextFreeWord = 0
const unitBytes = 16

/** One arena is full: a WebAssembly memory holds at most 4 GiB. */
export class ArenaFullError extends Error {
  override readonly name = 'ArenaFullError'
}

/**
 * One shared WebAssembly memory of up to 4 GiB with a bump allocator; every kernel operand is a byte offset in it.
 *
 * The memory is shared so that views stay valid when it grows, and so that another thread can open the same
 * weights with `Arena.attach(memory)` instead of holding a copy. The free mark lives in the memory
 * itself, hence any thread may allocate.
 */
export class Arena {
  readonly memory: WebAssembly.Memory
  readonly #header: Uint32Array

  private constructor (memory: WebAssembly.Memory) {
    this.memory = memory
    this.#header = new Uint32Array(memory.buffer, 0, headerBytes / 4)
  }

  /** A new empty arena. Memory is only reserved: pages cost nothing until they are written. */
  static create (): Arena {
    const arena = new Arena(new WebAssembly.Memory({ initial: 1, maximum: maximumPages, shared: true }))
    arena.#header[nextFreeWord] = headerBytes / unitBytes
    return arena
  }

  /** The arena of another thread, from its `memory`. */
  static attach (memory: WebAssembly.Memory): Arena {
    return new Arena(memory)
  }

  /** Bytes handed out so far, header included. */
  get usedBytes (): number {
    return Atomics.load(this.#header, nextFreeWord) * unitBytes
  }

  /**
   * Reserves `bytes` zeroed bytes (zeroed unless released before) and returns their offset.
   * @param alignment a power of two, 16 or more
   * @throws ArenaFullError when they do not fit below 4 GiB
   */
  allocate (bytes: number, alignment = unitBytes): number {
    if (!Number.isSafeInteger(bytes) || bytes < 0) throw new RangeError(`cannot allocate ${bytes} bytes`)
    const size = Math.ceil(bytes / unitBytes)
    const step = alignment / unitBytes
    for (;;) {
      const before = Atomics.load(this.#header, nextFreeWord)
      const start = Math.ceil(before / step) * step
      const end = start + size
      this.#growTo(end * unitBytes)
      if (Atomics.compareExchange(this.#header, nextFreeWord, before, end) === before) return start * unitBytes
    }
  }

  /** The current end of the arena, to give to `release`. */
  mark (): number {
    return this.usedBytes
  }

  /** Takes back everything that was allocated after `mark`; its bytes are not cleared. */
  release (mark: number): void {
    Atomics.store(this.#header, nextFreeWord, mark / unitBytes)
  }

  bytes (offset: number, count: number): Uint8Array {
    return new Uint8Array(this.memory.buffer, offset, count)
  }

  /** @param offset in bytes @param count in elements */
  f32 (offset: number, count: number): Float32Array {
    return new Float32Array(this.memory.buffer, offset, count)
  }

  /** @param offset in bytes @param count in elements */
  i32 (offset: number, count: number): Int32Array {
    return new Int32Array(this.memory.buffer, offset, count)
  }

  /** @param offset in bytes @param count in elements */
  u32 (offset: number, count: number): Uint32Array {
    return new Uint32Array(this.memory.buffer, offset, count)
  }

  /** @param offset in bytes @param count in elements */
  u16 (offset: number, count: number): Uint16Array {
    return new Uint16Array(this.memory.buffer, offset, count)
  }

  #growTo (bytes: number): void {
    const pages = Math.ceil(bytes / pageBytes)
    if (pages > maximumPages) throw new ArenaFullError(`an arena holds at most 4 GiB, ${bytes} bytes are needed`)
    const missing = pages - this.memory.buffer.byteLength / pageBytes
    if (missing > 0) this.memory.grow(missing)
  }
}
