import type { Piece } from './rendered-prompt.js'

/** Collects the pieces of a prompt; neighbours of one kind become one piece. */
export class PromptWriter {
  readonly pieces: Piece[] = []

  /** Text of ours: control tokens in it are control tokens. */
  template (text: string): void {
    this.#write('template', text)
  }

  /** Text of others: control tokens in it are only characters. */
  data (text: string): void {
    this.#write('data', text)
  }

  #write (kind: Piece['kind'], text: string): void {
    const last = this.pieces.at(-1)
    if (last?.kind === kind) last.text += text
    else if (text !== '') this.pieces.push({ kind, text })
  }
}
