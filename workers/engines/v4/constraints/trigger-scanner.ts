/** Looks for one text in the tokens of an answer, however they cut it (Knuth, Morris and Pratt). */
import type { Vocabulary } from '../../../../src/language/tokenizer/vocabulary.js'

/** `met`: the text ends with this token. `passed`: it ends inside it. A number: how much of it has come. */
export type Scan = number | 'met' | 'passed'

export class TriggerScanner {
  readonly #vocabulary: Vocabulary
  readonly #text: Uint8Array
  /** Where to go on after a mismatch, by how much had come. */
  readonly #fallbacks: number[]
  readonly #refusals = new Map<string, Int32Array>()

  constructor (text: string, vocabulary: Vocabulary) {
    this.#vocabulary = vocabulary
    this.#text = new TextEncoder().encode(text)
    this.#fallbacks = fallbacksOf(this.#text)
  }

  /** Tokens of `progress` = 0 stand for nothing of the text. Control tokens count as their text. */
  scan (progress: number, id: number): Scan {
    const { tokenBytes, tokenEnds } = this.#vocabulary
    const end = tokenEnds[id] ?? 0
    let state = progress
    for (let place = tokenEnds[id - 1] ?? 0; place < end; place++) {
      const byte = tokenBytes[place]
      while (state > 0 && this.#text[state] !== byte) state = this.#fallbacks[state] ?? 0
      if (this.#text[state] === byte) state++
      if (state === this.#text.length) return place === end - 1 ? 'met' : 'passed'
    }
    return state
  }

  /**
   * A bit for each token but those that would come to one of these ends.
   * @param refused the text may not come at all, or may not come within a token
   */
  tokensFrom (progress: number, refused: 'met or passed' | 'passed', vocabularySize: number): Int32Array {
    const key = `${progress} ${refused}`
    const known = this.#refusals.get(key)
    if (known !== undefined) return known
    const allowed = new Int32Array(Math.ceil(vocabularySize / 32)).fill(-1)
    for (let id = 0; id < this.#vocabulary.size; id++) {
      const scan = this.scan(progress, id)
      if (scan === 'passed' || (scan === 'met' && refused === 'met or passed')) allowed[id >> 5] = (allowed[id >> 5] ?? 0) & ~(1 << (id & 31))
    }
    this.#refusals.set(key, allowed)
    return allowed
  }
}

/** `[state]`: the longest beginning of the text that is also an end of its first `state` bytes. */
function fallbacksOf (text: Uint8Array): number[] {
  const fallbacks = [0, 0]
  for (let length = 1, state = 0; length < text.length; length++) {
    while (state > 0 && text[state] !== text[length]) state = fallbacks[state] ?? 0
    if (text[state] === text[length]) state++
    fallbacks.push(state)
  }
  return fallbacks
}
