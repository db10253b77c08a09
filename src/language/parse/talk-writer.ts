import type { AnswerEvent } from './answer-event.js'

export type TalkChannel = 'reasoning' | 'content'

/**
 * Reasoning and content without the newlines that belong to the syntax: those after an opening mark, and those before
 * `</think>` or a block of calls, which are held until it is known what follows.
 */
export class TalkWriter {
  channel: TalkChannel
  readonly #emit: (event: AnswerEvent) => void
  #dropsNewlines: boolean
  #held = ''

  constructor (channel: TalkChannel, dropsNewlines: boolean, emit: (event: AnswerEvent) => void) {
    this.channel = channel
    this.#dropsNewlines = dropsNewlines
    this.#emit = emit
  }

  write (text: string): void {
    let start = 0
    while (this.#dropsNewlines && text[start] === '\n') start++
    let end = text.length
    while (end > start && text[end - 1] === '\n') end--
    if (end > start) {
      this.#emit({ type: this.channel, text: this.#held + text.slice(start, end) })
      this.#held = ''
      this.#dropsNewlines = false
    }
    this.#held += text.slice(end)
  }

  /** Markup follows: the newlines before it are part of it. */
  dropHeld (): void {
    this.#held = ''
  }

  /** They were text after all. */
  releaseHeld (): void {
    if (this.#held !== '') this.#emit({ type: this.channel, text: this.#held })
    this.#held = ''
  }

  enter (channel: TalkChannel): void {
    if (this.channel !== channel) this.#dropsNewlines = true
    this.channel = channel
  }
}
