/**
 * The merge rules as a hash table from a pair of ids to the pair's rank, for the inner loop of BPE.
 */
import type { MergeRules } from './vocabulary.js'

/** Rank of a pair that no rule joins; larger than every rank. */
export const noRank = 0x7fffffff

export class MergeTable {
  /** Open addressing; a slot is [left, right, rank], left = -1 when free. */
  readonly #slots: Int32Array
  readonly #mask: number
  readonly #results: Int32Array

  constructor (rules: MergeRules) {
    let slotCount = 16
    while (slotCount < rules.left.length * 2) slotCount *= 2
    this.#mask = slotCount - 1
    this.#slots = new Int32Array(slotCount * 4).fill(-1)
    this.#results = rules.result
    for (let rank = 0; rank < rules.left.length; rank++) this.#insert(rules.left[rank] ?? 0, rules.right[rank] ?? 0, rank)
  }

  /** Rank of the rule that joins two tokens, or `noRank`. */
  rankOf (left: number, right: number): number {
    const slots = this.#slots
    for (let slot = hashPair(left, right) & this.#mask; ; slot = (slot + 1) & this.#mask) {
      const found = slots[slot * 4]
      if (found === left && slots[slot * 4 + 1] === right) return slots[slot * 4 + 2] ?? noRank
      if (found === -1) return noRank
    }
  }

  /** The token a rule makes. */
  resultOf (rank: number): number {
    return this.#results[rank] ?? 0
  }

  #insert (left: number, right: number, rank: number): void {
    let slot = hashPair(left, right) & this.#mask
    while (this.#slots[slot * 4] !== -1 && !(this.#slots[slot * 4] === left && this.#slots[slot * 4 + 1] === right)) slot = (slot + 1) & this.#mask
    // A rule given twice counts at its last place, as in the reference library.
    this.#slots.set([left, right, rank], slot * 4)
  }
}

function hashPair (left: number, right: number): number {
  const mixed = Math.imul(left, 0x9e3779b1) ^ Math.imul(right, 0x85ebca6b)
  return mixed ^ (mixed >>> 15)
}
