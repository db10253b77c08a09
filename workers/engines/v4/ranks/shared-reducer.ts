/** The one all-reduce of a layer, through shared memory. */
import { type Reducer } from '../model/experts.js'
import { type Floats } from '../model/workspace.js'
import { arrivalWord, type GroupMemory, partialSumOf } from './group-memory.js'
import { setWord, spinsFor, waitForWord } from './wait-for-word.js'

/**
 * Every rank writes its part, waits for the others, and adds all parts in rank order: all get the same bits, and
 * timing changes nothing. Two sets of parts take turns. A rank can only reach the second sum after this one when all
 * have arrived at the next, that is, have read this one; so one wait a layer is enough.
 */
export class SharedReducer implements Reducer {
  readonly #words: Int32Array
  readonly #rank: number
  readonly #rankCount: number
  readonly #parts: readonly (readonly Floats[])[]
  readonly #spins: number
  readonly #deadlineMs: number
  #round = 0

  constructor (memory: GroupMemory, rank: number, deadlineMs: number) {
    const { rankCount } = memory.shape
    this.#words = new Int32Array(memory.control)
    this.#rank = rank
    this.#rankCount = rankCount
    this.#parts = [0, 1].map(set => Array.from({ length: rankCount }, (_, other) => partialSumOf(memory, set, other)))
    this.#spins = spinsFor(rankCount)
    this.#deadlineMs = deadlineMs
  }

  reduce (values: Floats, count: number): void {
    const parts = this.#parts[this.#round & 1] ?? []
    parts[this.#rank]?.set(values.subarray(0, count))
    this.#round = (this.#round + 1) | 0
    setWord(this.#words, arrivalWord(this.#rank), this.#round)
    for (let rank = 0; rank < this.#rankCount; rank++) {
      if (rank === this.#rank) continue
      waitForWord({ words: this.#words, index: arrivalWord(rank), target: this.#round, spins: this.#spins, deadlineMs: this.#deadlineMs, what: `waiting for rank ${rank} in a layer` })
    }
    sumInOrder(parts, values, count)
  }
}

function sumInOrder (parts: readonly Floats[], values: Floats, count: number): void {
  const [first, ...others] = parts
  if (first === undefined) return
  values.set(first.subarray(0, count))
  for (const part of others) {
    for (let i = 0; i < count; i++) values[i] = (values[i] ?? 0) + (part[i] ?? 0)
  }
}
