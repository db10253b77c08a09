/**
 * Ends a text where a stop string is complete, and holds back what may become one. Which string ends it does not depend
 * on how the text was cut: the one complete first, and of those the longest. Each character costs constant time.
 */
export class StopStrings {
  readonly #matchers: Matcher[]
  #held = ''
  #found: string | null = null

  constructor (stopStrings: readonly string[]) {
    this.#matchers = stopStrings.filter(text => text !== '').map(text => new Matcher(text))
  }

  get isStopped (): boolean {
    return this.#found !== null
  }

  /** The string that ended the text. */
  get found (): string | null {
    return this.#found
  }

  /** The text that is certain now; the stop string itself is never part of it. */
  push (text: string): string {
    if (this.isStopped) return ''
    const pending = this.#held + text
    for (let position = this.#held.length; position < pending.length; position++) {
      const unit = pending.charCodeAt(position)
      let longest = ''
      for (const matcher of this.#matchers) {
        if (matcher.advance(unit) && matcher.text.length > longest.length) longest = matcher.text
      }
      if (longest !== '') {
        this.#found = longest
        this.#held = ''
        return pending.slice(0, position + 1 - longest.length)
      }
    }
    const heldLength = Math.max(0, ...this.#matchers.map(matcher => matcher.matched))
    this.#held = pending.slice(pending.length - heldLength)
    return pending.slice(0, pending.length - heldLength)
  }

  /** Something other than text follows: what was held back is text. */
  release (): string {
    const held = this.#held
    this.#held = ''
    for (const matcher of this.#matchers) matcher.matched = 0
    return held
  }
}

/** Knuth, Morris and Pratt: how much of one string the text ends with. */
class Matcher {
  readonly text: string
  matched = 0
  /** By matched length: the length of the longest shorter match that the same text ends with. */
  readonly #fallbacks: number[] = [0, 0]

  constructor (text: string) {
    this.text = text
    for (let length = 0, end = 1; end < text.length; end++) {
      while (length > 0 && text[length] !== text[end]) length = this.#fallbacks[length] ?? 0
      if (text[length] === text[end]) length++
      this.#fallbacks.push(length)
    }
  }

  /** True when the string is complete with this UTF-16 unit. */
  advance (unit: number): boolean {
    if (this.matched === this.text.length) this.matched = this.#fallbacks[this.matched] ?? 0
    while (this.matched > 0 && this.text.charCodeAt(this.matched) !== unit) this.matched = this.#fallbacks[this.matched] ?? 0
    if (this.text.charCodeAt(this.matched) === unit) this.matched++
    return this.matched === this.text.length
  }
}
