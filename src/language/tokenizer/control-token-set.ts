/**
 * Finds control tokens in template text: leftmost first, the longest where several begin at the same place.
 */
import type { ControlToken } from './vocabulary.js'

/** A tree of UTF-16 units; `id` where a token ends. */
interface Branch {
  id?: number
  next: Map<number, Branch>
}

export class ControlTokenSet {
  readonly #idByText: Map<string, number>
  readonly #ids: Set<number>
  // A tree, not one large expression of alternatives: that takes a tenth of a second to compile.
  readonly #root: Branch = { next: new Map() }

  constructor (tokens: readonly ControlToken[]) {
    this.#idByText = new Map(tokens.map(({ id, text }) => [text, id]))
    this.#ids = new Set(tokens.map(({ id }) => id))
    for (const { id, text } of tokens) this.#grow(text).id = id
  }

  idOf (text: string): number | undefined {
    return this.#idByText.get(text)
  }

  has (id: number): boolean {
    return this.#ids.has(id)
  }

  /** Calls one of the two for each stretch of `text` in order; a stretch of plain text is never empty. */
  cut (text: string, onText: (text: string) => void, onControl: (id: number) => void): void {
    let plainStart = 0
    for (let position = 0; position < text.length;) {
      const found = this.#longestAt(text, position)
      if (found === undefined) position++
      else {
        if (position > plainStart) onText(text.slice(plainStart, position))
        onControl(found.id)
        position = plainStart = found.end
      }
    }
    if (plainStart < text.length) onText(text.slice(plainStart))
  }

  #longestAt (text: string, start: number): { id: number, end: number } | undefined {
    let longest: { id: number, end: number } | undefined
    let branch = this.#root.next.get(text.charCodeAt(start))
    for (let end = start + 1; branch !== undefined; end++) {
      if (branch.id !== undefined) longest = { id: branch.id, end }
      branch = branch.next.get(text.charCodeAt(end))
    }
    return longest
  }

  #grow (text: string): Branch {
    let branch = this.#root
    for (let position = 0; position < text.length; position++) {
      const unit = text.charCodeAt(position)
      let next = branch.next.get(unit)
      if (next === undefined) {
        next = { next: new Map() }
        branch.next.set(unit, next)
      }
      branch = next
    }
    return branch
  }
}
