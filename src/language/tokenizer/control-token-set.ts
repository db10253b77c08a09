/**
 * Finds control tokens in template text: leftmost first, the longest where several begin at the same place.
 */
import type { ControlToken } from './vocabulary.js'

export class ControlTokenSet {
  readonly #idByText: Map<string, number>
  readonly #ids: Set<number>
  readonly #pattern: RegExp

  constructor (tokens: readonly ControlToken[]) {
    this.#idByText = new Map(tokens.map(({ id, text }) => [text, id]))
    this.#ids = new Set(tokens.map(({ id }) => id))
    const longestFirst = tokens.map(({ text }) => text).sort((one, other) => other.length - one.length)
    // Without tokens a pattern that never matches: the empty alternative would match everywhere.
    this.#pattern = new RegExp(longestFirst.map(text => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')).join('|') || '(?!)', 'g')
  }

  idOf (text: string): number | undefined {
    return this.#idByText.get(text)
  }

  has (id: number): boolean {
    return this.#ids.has(id)
  }

  /** Calls one of the two for each stretch of `text` in order; a stretch of plain text is never empty. */
  cut (text: string, onText: (text: string) => void, onControl: (id: number) => void): void {
    let position = 0
    for (const match of text.matchAll(this.#pattern)) {
      if (match.index > position) onText(text.slice(position, match.index))
      onControl(this.#idByText.get(match[0]) ?? 0)
      position = match.index + match[0].length
    }
    if (position < text.length) onText(text.slice(position))
  }
}
