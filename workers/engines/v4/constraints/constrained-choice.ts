/** Which tokens may come next under a job's constraint. */
import type { GrammarMatcher } from '@mlc-ai/web-xgrammar'

/** What the library's class stands on. Its own method of this name gives a promise, for which a step cannot wait. */
interface MatcherHandle {
  GetNextTokenBitmask (vocabularySize: number): { get (index: number): number, delete (): void }
}

export interface ChoiceStart {
  readonly vocabularySize: number
  /** The token that may come where the grammar may end. */
  readonly endTokenId: number
  /** The grammar begins after this token; undefined = at once. */
  readonly afterTokenId: number | undefined
}

export class ConstrainedChoice {
  readonly endTokenId: number
  readonly #matcher: GrammarMatcher
  readonly #handle: MatcherHandle
  readonly #vocabularySize: number
  readonly #afterTokenId: number | undefined
  readonly #allowed: Int32Array
  #hasBegun: boolean
  #isClosed = false

  constructor (matcher: GrammarMatcher, { vocabularySize, endTokenId, afterTokenId }: ChoiceStart) {
    this.endTokenId = endTokenId
    this.#matcher = matcher
    this.#handle = (matcher as unknown as { handle: MatcherHandle }).handle
    this.#vocabularySize = vocabularySize
    this.#afterTokenId = afterTokenId
    this.#allowed = new Int32Array(Math.ceil(vocabularySize / 32)).fill(-1)
    this.#hasBegun = afterTokenId === undefined
    if (this.#hasBegun) this.#refresh()
    // Before the grammar begins anything may come but the end, or there would be no answer.
    else this.#setEnd(false)
  }

  /** Bit `id % 32` of word `id / 32` is 1 for a token that may come. Valid until `accept`. */
  get allowed (): Int32Array { return this.#allowed }

  /** Nothing may follow but the end. */
  get isComplete (): boolean {
    if (!this.#hasBegun || !this.#mayEnd) return false
    this.#setEnd(false)
    const isComplete = this.isStuck
    this.#setEnd(true)
    return isComplete
  }

  /** No token at all may come: the vocabulary cannot spell what the grammar wants. */
  get isStuck (): boolean { return this.#allowed.every(word => word === 0) }

  /** @returns false when the token was not allowed */
  accept (id: number): boolean {
    if (!this.#hasBegun) {
      if (id !== this.#afterTokenId) return true
      this.#hasBegun = true
    } else if (!this.#matcher.acceptToken(id)) {
      return false
    }
    this.#refresh()
    return true
  }

  /** Its memory is the library's, which no garbage collector frees. Idempotent. */
  close (): void {
    if (!this.#isClosed) this.#matcher.dispose()
    this.#isClosed = true
  }

  #refresh (): void {
    const words = this.#handle.GetNextTokenBitmask(this.#vocabularySize)
    for (let index = 0; index < this.#allowed.length; index++) this.#allowed[index] = words.get(index)
    words.delete()
  }

  get #mayEnd (): boolean { return ((this.#allowed[this.endTokenId >> 5] ?? 0) & 1 << (this.endTokenId & 31)) !== 0 }

  #setEnd (mayEnd: boolean): void {
    const word = this.#allowed[this.endTokenId >> 5] ?? 0
    const bit = 1 << (this.endTokenId & 31)
    this.#allowed[this.endTokenId >> 5] = mayEnd ? word | bit : word & ~bit
  }
}
