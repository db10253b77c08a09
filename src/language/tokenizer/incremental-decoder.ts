/**
 * Ids to text as they arrive: a character is given out when its last byte has come, never in parts.
 */
import type { DecodeOptions, Tokenizer } from './tokenizer.js'

export class IncrementalDecoder {
  readonly #tokenizer: Tokenizer
  readonly #omitsControl: boolean
  // ignoreBOM: U+FEFF at the start is part of the answer.
  readonly #decoder = new TextDecoder('utf-8', { ignoreBOM: true })

  constructor (tokenizer: Tokenizer, options: DecodeOptions = {}) {
    this.#tokenizer = tokenizer
    this.#omitsControl = options.control === 'omit'
  }

  /** The text that these ids complete; may be empty. Throws RangeError on an id that is not in use. */
  push (ids: readonly number[]): string {
    let text = ''
    for (const id of ids) {
      if (this.#omitsControl && this.#tokenizer.isControl(id)) continue
      text += this.#decoder.decode(this.#tokenizer.bytesOf(id), { stream: true })
    }
    return text
  }

  /** No more ids: U+FFFD for a character that was cut off, else nothing. Afterwards the decoder is as new. */
  flush (): string {
    return this.#decoder.decode()
  }
}
