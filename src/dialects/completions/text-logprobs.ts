/** Log-probabilities in the shape of the legacy completions API: four lists, one entry a token. */
import type { LabelledToken, TokenLabel } from '../answer.js'

export interface TextLogprobs {
  tokens: string[]
  token_logprobs: number[]
  /** By token; the chosen one is always among them. */
  top_logprobs: Array<Record<string, number>>
  /** Where each token begins in the text of the choice, in characters (code points). */
  text_offset: number[]
}

/** Counts where the tokens of one choice begin, while they come. A token inside a character begins where the character does. */
export class TextLogprobWriter {
  readonly #decoder = new TextDecoder('utf-8', { ignoreBOM: true })
  #offset = 0

  /** null when there are none. */
  write (tokens: readonly LabelledToken[]): TextLogprobs | null {
    if (tokens.length === 0) return null
    const logprobs: TextLogprobs = { tokens: [], token_logprobs: [], top_logprobs: [], text_offset: [] }
    for (const token of tokens) {
      logprobs.tokens.push(tokenText(token.bytes))
      logprobs.token_logprobs.push(token.logprob)
      logprobs.top_logprobs.push(alternatives(token))
      logprobs.text_offset.push(this.#offset)
      this.#offset += [...this.#decoder.decode(Uint8Array.from(token.bytes), { stream: true })].length
    }
    return logprobs
  }
}

function alternatives (token: LabelledToken): Record<string, number> {
  return Object.fromEntries([...token.top_logprobs, token].map((label: TokenLabel) => [tokenText(label.bytes), label.logprob]))
}

const strictDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Part of a character is written as OpenAI does, `bytes:\xe2\x80`: its replacement character would stand for many tokens. */
function tokenText (bytes: number[]): string {
  try {
    return strictDecoder.decode(Uint8Array.from(bytes))
  } catch {
    return `bytes:${bytes.map(byte => `\\x${byte.toString(16).padStart(2, '0')}`).join('')}`
  }
}
