/**
 * Which tokens may come next under a job's constraint. An answer goes through up to three stages: reasoning, in which
 * anything may come but the end; free text, until a trigger is written; and the grammar.
 */
import type { Vocabulary } from '../../../../src/language/tokenizer/vocabulary.js'
import { MARKUP_SYMBOL } from './expression.js'
import type { Configuration, LazyAutomaton } from './lazy-automaton.js'
import type { TriggerScanner } from './trigger-scanner.js'

export interface ChoiceRules {
  readonly grammar: LazyAutomaton
  readonly vocabulary: Vocabulary
  readonly vocabularySize: number
  /** The token that may come where the grammar may end. */
  readonly endTokenId: number
  /** Spelled as a symbol of its own; undefined = the vocabulary has none. */
  readonly markupTokenId: number | undefined
  /** Reasoning ends with this token; undefined = there is none. */
  readonly afterTokenId: number | undefined
  /** A text that may not come in reasoning; null = any may. */
  readonly heldBack: TriggerScanner | null
  /** Whether that text, once it is written, begins the grammar; else the grammar begins at once. */
  readonly isTriggered: boolean
}

type Stage = 'reasoning' | 'free' | 'grammar'

export class ConstrainedChoice {
  readonly #rules: ChoiceRules
  #stage: Stage
  /** Of the held-back text. */
  #progress = 0
  #configuration: Configuration | null = null
  readonly #allowed: Int32Array
  #mayEnd = false
  #hasTokens = true

  constructor (rules: ChoiceRules) {
    this.#rules = rules
    this.#allowed = new Int32Array(Math.ceil(rules.vocabularySize / 32))
    this.#stage = rules.afterTokenId === undefined ? this.#stageAfterReasoning : 'reasoning'
    this.#enter()
  }

  get endTokenId (): number { return this.#rules.endTokenId }

  /** Bit `id % 32` of word `id / 32` is 1 for a token that may come. Valid until `accept`. */
  get allowed (): Int32Array { return this.#allowed }

  /** Nothing may follow but the end. */
  get isComplete (): boolean { return this.#mayEnd && !this.#hasTokens }

  /** No token at all may come: the vocabulary cannot spell what the grammar wants, or it wants too much at once. */
  get isStuck (): boolean { return !this.#mayEnd && !this.#hasTokens }

  /** @returns false when the token was not allowed */
  accept (id: number): boolean {
    if (((this.#allowed[id >> 5] ?? 0) & 1 << (id & 31)) === 0) return false
    if (this.#stage === 'grammar') this.#step(id)
    else this.#read(id)
    return true
  }

  get #stageAfterReasoning (): Stage { return this.#rules.isTriggered ? 'free' : 'grammar' }

  #read (id: number): void {
    const scan = this.#rules.heldBack?.scan(this.#progress, id) ?? 0
    this.#progress = typeof scan === 'number' ? scan : 0
    if (this.#stage === 'reasoning' && id === this.#rules.afterTokenId) {
      this.#stage = this.#stageAfterReasoning
      this.#progress = 0
    } else if (this.#stage === 'free' && scan === 'met') this.#stage = 'grammar'
    this.#enter()
  }

  #enter (): void {
    if (this.#stage === 'grammar') this.#configuration = this.#rules.grammar.start()
    this.#refresh()
  }

  #step (id: number): void {
    const { grammar, vocabulary: { tokenBytes, tokenEnds }, markupTokenId } = this.#rules
    const symbols = id === markupTokenId ? [MARKUP_SYMBOL] : tokenBytes.subarray(tokenEnds[id - 1] ?? 0, tokenEnds[id])
    for (const symbol of symbols) this.#configuration = this.#configuration === null ? null : grammar.step(this.#configuration, symbol)
    this.#refresh()
  }

  #refresh (): void {
    const { grammar, heldBack, vocabularySize, endTokenId } = this.#rules
    if (this.#stage === 'grammar') {
      if (this.#configuration === null) this.#allowed.fill(0)
      else this.#allowed.set(grammar.tokensFrom(this.#configuration))
      this.#mayEnd = this.#configuration?.mayEnd === true
    } else {
      // Before an answer there is no end, or there would be no answer.
      this.#mayEnd = this.#stage === 'free'
      if (heldBack === null) this.#allowed.fill(-1)
      else this.#allowed.set(heldBack.tokensFrom(this.#progress, this.#stage === 'free' ? 'passed' : 'met or passed', vocabularySize))
    }
    this.#setEnd(endTokenId, 'forbidden')
    this.#hasTokens = this.#allowed.some(word => word !== 0)
    if (this.#mayEnd) this.#setEnd(endTokenId, 'allowed')
  }

  #setEnd (id: number, to: 'allowed' | 'forbidden'): void {
    const word = this.#allowed[id >> 5] ?? 0
    const bit = 1 << (id & 31)
    this.#allowed[id >> 5] = to === 'allowed' ? word | bit : word & ~bit
  }
}
