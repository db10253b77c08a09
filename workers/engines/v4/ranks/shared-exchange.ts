/** Exchanges of a layer's parts through shared memory. */
import { type Exchange, type SharedPart } from '../model/exchange.js'
import { type Floats } from '../model/workspace.js'
import { arrivalWord, exchangeSetOf, type GroupMemory } from './group-memory.js'
import { setWord, spinsFor, waitForWord, type WordWait } from './wait-for-word.js'

/**
 * Every rank writes its columns, waits for the others, and reads theirs: all get the same bits, and timing changes nothing.
 * Two sets take turns. A rank can only reach the second exchange after this one when all have arrived at the next, that
 * is, have read this one; so one wait an exchange is enough.
 */
export class SharedExchange implements Exchange {
  readonly rank: number
  readonly rankCount: number
  readonly #words: Int32Array
  readonly #sets: readonly Floats[]
  /** One for each other rank. */
  readonly #waits: readonly (WordWait & { target: number })[]
  #round = 0
  #isConnected = false

  constructor (memory: GroupMemory, rank: number, deadlineMs: number) {
    const { rankCount } = memory.shape
    const words = new Int32Array(memory.control)
    this.rank = rank
    this.rankCount = rankCount
    this.#words = words
    this.#sets = [0, 1].map(set => exchangeSetOf(memory, set))
    const others = Array.from({ length: rankCount }, (_, other) => other).filter(other => other !== rank)
    this.#waits = others.map(other => ({ words, index: arrivalWord(other), target: 0, spins: spinsFor(rankCount), deadlineMs, what: `waiting for rank ${other} in a layer` }))
  }

  /** Before this, exchanges do nothing: what is computed is for the warmth. */
  connect (): void {
    this.#isConnected = true
  }

  gather (parts: readonly SharedPart[], rows: number): void {
    if (!this.#isConnected) return
    const shared = this.#arrive(parts, rows)
    this.#waitForAll()
    let start = 0
    for (const part of parts) {
      for (let rank = 0; rank < this.rankCount; rank++) if (rank !== this.rank) copyColumns(shared, start, part.values, 0, part, rank, rows)
      start += rows * part.width
    }
  }

  gatherFirst (part: SharedPart, rows: number): void {
    if (!this.#isConnected) return
    const shared = this.#arrive([part], rows)
    if (this.rank !== 0) return
    this.#waitForAll()
    for (let rank = 1; rank < this.rankCount; rank++) copyColumns(shared, 0, part.values, 0, part, rank, rows)
  }

  /** Puts this rank's columns where the others find them. */
  #arrive (parts: readonly SharedPart[], rows: number): Floats {
    const shared = this.#sets[this.#round & 1]
    if (shared === undefined) throw new RangeError('a group has two sets')
    let start = 0
    for (const part of parts) {
      copyColumns(part.values, 0, shared, start, part, this.rank, rows)
      start += rows * part.width
    }
    this.#round = (this.#round + 1) | 0
    setWord(this.#words, arrivalWord(this.rank), this.#round)
    return shared
  }

  #waitForAll (): void {
    for (const wait of this.#waits) {
      wait.target = this.#round
      waitForWord(wait)
    }
  }
}

/** The columns of `rank` in all rows, from `source[from...]` to `target[to...]`, both [rows, width]. */
function copyColumns (source: Floats, from: number, target: Floats, to: number, { width, bounds }: SharedPart, rank: number, rows: number): void {
  const begin = bounds[rank] ?? 0
  const end = bounds[rank + 1] ?? 0
  for (let row = 0; row < rows * width; row += width) {
    for (let column = row + begin; column < row + end; column++) target[to + column] = source[from + column] ?? 0
  }
}
