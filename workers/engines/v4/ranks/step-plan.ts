/** How the first rank tells the others what to compute: each step's slices, through shared memory. */
import { type ForwardSlice, type Wants } from '../model/step.js'
import { Sequence } from '../sequence/sequence.js'
import { blockTableOf, controlWords, type GroupMemory, takenPlanWord } from './group-memory.js'
import { setWord, spinsFor, waitForWord } from './wait-for-word.js'

/** A copy of a sequence's fixed state, made before the step's slices are computed. */
export interface StateCopy {
  readonly type: 'snapshot' | 'restore'
  readonly slot: number
  readonly snapshot: number
  readonly position: number
}

const stateCopyTypes = ['snapshot', 'restore'] as const
const wantWords: readonly Wants[] = ['none', 'last', 'all']

/** The first rank's end. */
export class PlanWriter {
  readonly #words: Int32Array
  readonly #plan: Int32Array
  readonly #rankCount: number
  readonly #deadlineMs: number
  readonly #copies: StateCopy[] = []
  #number = 0

  constructor (memory: GroupMemory, deadlineMs: number) {
    this.#words = new Int32Array(memory.control)
    this.#plan = new Int32Array(memory.plan)
    this.#rankCount = memory.shape.rankCount
    this.#deadlineMs = deadlineMs
  }

  /** To be told with the next step, before its slices. */
  defer (copy: StateCopy): void {
    this.#copies.push(copy)
  }

  /** The slices' sequences must have their tables in the group's memory. */
  publish (slices: readonly ForwardSlice[]): void {
    for (let rank = 1; rank < this.#rankCount; rank++) {
      waitForWord({ words: this.#words, index: takenPlanWord(rank), target: this.#number, spins: 0, deadlineMs: this.#deadlineMs, what: `waiting for rank ${rank} to take a plan` })
    }
    let word = 0
    this.#plan[word++] = this.#copies.length
    for (const { type, slot, snapshot, position } of this.#copies) {
      this.#plan[word++] = stateCopyTypes.indexOf(type)
      this.#plan[word++] = slot
      this.#plan[word++] = snapshot
      this.#plan[word++] = position
    }
    this.#copies.length = 0
    this.#plan[word++] = slices.length
    for (const { sequence, tokenIds, wants } of slices) {
      this.#plan[word++] = sequence.slot
      this.#plan[word++] = sequence.position
      this.#plan[word++] = tokenIds.length
      this.#plan[word++] = wantWords.indexOf(wants)
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

  /**
   * Waits for the next plan, however long.
   * @param copyState called for each copy of state that comes before the slices; the sequence stands at the copy's position
   */
  take (copyState: (copy: StateCopy, sequence: Sequence) => void): ForwardSlice[] {
    this.#number = (this.#number + 1) | 0
    waitForWord({ words: this.#words, index: controlWords.publishedPlan, target: this.#number, spins: this.#spins, deadlineMs: Infinity, what: 'waiting for a plan' })
    const slices: ForwardSlice[] = []
    let word = this.#takeCopies(copyState)
    const sliceCount = this.#plan[word++] ?? 0
    for (let slice = 0; slice < sliceCount; slice++) {
      const sequence = this.#sequenceOf(this.#plan[word])
      sequence.position = this.#plan[word + 1] ?? 0
      const wants = wantWords[this.#plan[word + 3] ?? 0] ?? 'none'
      const begin = word + 4
      word = begin + (this.#plan[word + 2] ?? 0)
      slices.push({ sequence, tokenIds: this.#plan.slice(begin, word), wants })
    }
    setWord(this.#words, takenPlanWord(this.#rank), this.#number)
    return slices
  }

  /** @returns the word after them */
  #takeCopies (copyState: (copy: StateCopy, sequence: Sequence) => void): number {
    let word = 1
    for (let copy = 0; copy < (this.#plan[0] ?? 0); copy++) {
      const [type = 0, slot = 0, snapshot = 0, position = 0] = this.#plan.subarray(word, word + 4)
      const sequence = this.#sequenceOf(slot)
      sequence.position = position
      copyState({ type: stateCopyTypes[type] ?? 'snapshot', slot, snapshot, position }, sequence)
      word += 4
    }
    return word
  }

  #sequenceOf (slot: number | undefined): Sequence {
    const sequence = this.#sequences[slot ?? 0]
    if (sequence === undefined) throw new RangeError(`a plan for slot ${slot}`)
    return sequence
  }
}
