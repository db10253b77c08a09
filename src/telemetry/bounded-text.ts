const limitCharacters = 32_768

/** Collects text up to a limit; what is beyond it is only counted. */
export class BoundedText {
  readonly #parts: string[] = []
  #length = 0

  add (text: string): void {
    const left = Math.max(0, limitCharacters - this.#length)
    this.#length += text.length
    if (left > 0) this.#parts.push(text.slice(0, left))
  }

  get text (): string {
    const missing = this.#length - limitCharacters
    return this.#parts.join('') + (missing > 0 ? ` … (${missing} more characters)` : '')
  }
}
