/** How the first rank tells the others what to compute: each step's slices, through shared memory. */
import { type ForwardSlice } from '../model/step.js'
import { Sequence } from '../sequence/sequence.js'
import { blockTableOf, controlWords, type GroupMemory, takenPlanWord } from './group-memory.js'
import { setWord, spinsFor, waitForWord } from './wait-for-word.js'

/** The first rank's end. */
export class PlanWriter {
  readonly #words: Int32Array
  readonly #plan: Int32Array
  readonly #rankCount: number
  readonly #deadlineMs: number
  #number = 0

  constructor (memory: GroupMemory, deadlineMs: number) {
    this.#words = new Int32Array(memory.control)
    this.#plan = new Int32Array(memory.plan)
    this.#rankCount = memory.shape.rankCount
    this.#deadlineMs = deadlineMs
  }

  /** The slices' sequences must have their tables in the group's memory. */
  publish (slices: readonly ForwardSlice[]): void {
    for (let rank = 1; rank < this.#rankCount; rank++) {
      waitForWord({ words: this.#words, index: takenPlanWord(rank), target: this.#number, spins: 0, deadlineMs: this.#deadlineMs, what: `waiting for rank ${rank} to take a plan` })
    }
    let word = 0
    this.#plan[word++] = slices.length
    for (const { sequence, tokenIds } of slices) {
      this.#plan[word++] = sequence.slot
      this.#plan[word++] = sequence.position
      this.#plan[word++] = tokenIds.length
      for (let i = 0; i < tokenIds.length; i++) this.#plan[word++] = tokenIds[i] ?? 0
    }
    this.#number = (this.#number + 1) | 0
    setWord(this.#words, controlWords.publishedPlan, this.#number)
  }
}

/** The end of every other rank. */
export class PlanReader {
  readonly #words: Int32Array
  readonly #plan: Int32Array
  readonly #rank: number
  readonly #sequences: readonly Sequence[]
  readonly #spins: number
  #number = 0

  constructor (memory: GroupMemory, rank: number) {
    this.#words = new Int32Array(memory.control)
    this.#plan = new Int32Array(memory.plan)
    this.#rank = rank
    this.#sequences = Array.from({ length: memory.shape.slots }, (_, slot) => new Sequence(slot, blockTableOf(memory, slot)))
    this.#spins = spinsFor(memory.shape.rankCount)
  }

  /** Waits for the next plan, however long. */
  take (): ForwardSlice[] {
    this.#number = (this.#number + 1) | 0
    waitForWord({ words: this.#words, index: controlWords.publishedPlan, target: this.#number, spins: this.#spins, deadlineMs: Infinity, what: 'waiting for a plan' })
    const slices: ForwardSlice[] = []
    let word = 1
    for (let slice = 0; slice < (this.#plan[0] ?? 0); slice++) {
      const sequence = this.#sequences[this.#plan[word] ?? 0]
      if (sequence === undefined) throw new RangeError(`a plan for slot ${this.#plan[word]}`)
      sequence.position = this.#plan[word + 1] ?? 0
      const begin = word + 3
      word = begin + (this.#plan[word + 2] ?? 0)
      slices.push({ sequence, tokenIds: this.#plan.slice(begin, word), wants: 'none' })
    }
    setWord(this.#words, takenPlanWord(this.#rank), this.#number)
    return slices
  }
}
