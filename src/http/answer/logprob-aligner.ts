/**
 * Gives each piece of text the tokens it was made of. The reader holds text back (a newline that may belong to
 * markup, half a character), so a token waits here until its bytes have been sent.
 */
import type { TokenLogprob } from '../../../workers/contract/event.js'
import type { AnswerLogprobs, AnswerPiece, LabelledToken, TokenLabel } from '../../dialects/answer.js'
import type { TokenChannel } from '../../language/checkpoint-language.js'

type TokenBytes = (id: number) => Uint8Array
type TextChannel = 'reasoning' | 'content'

export class LogprobAligner {
  readonly #tokenBytes: TokenBytes
  readonly #queues = { content: new ChannelQueue(), reasoning: new ChannelQueue() }

  constructor (tokenBytes: TokenBytes) {
    this.#tokenBytes = tokenBytes
  }

  push (ids: readonly number[], logprobs: readonly TokenLogprob[], channels: readonly TokenChannel[]): void {
    ids.forEach((id, position) => {
      const channel = channels[position]
      const own = logprobs[position]
      if (own === undefined || channel === undefined || channel === 'tool-call') return
      this.#queues[channel].push(this.#label(id, own))
    })
  }

  /** The tokens whose bytes are complete now that these pieces are sent. */
  take (pieces: readonly AnswerPiece[]): AnswerLogprobs {
    const textOf = (channel: TextChannel) => pieces.map(piece => piece.type === channel ? piece.text : '').join('')
    return { content: this.#queues.content.take(textOf('content')), reasoning: this.#queues.reasoning.take(textOf('reasoning')) }
  }

  /** What is left at the end of an answer: tokens of which a part was markup. */
  rest (): AnswerLogprobs {
    return { content: this.#queues.content.rest(), reasoning: this.#queues.reasoning.rest() }
  }

  #label (id: number, { logprob, top }: TokenLogprob): LabelledToken {
    return { ...this.#token(id, logprob), top_logprobs: top.map(alternative => this.#token(alternative.id, alternative.logprob)) }
  }

  #token (id: number, logprob: number): TokenLabel {
    const bytes = this.#tokenBytes(id)
    // JSON has no -Infinity; DeepSeek reports tokens out of reach as -9999.
    return { token: new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes), logprob: Math.max(logprob, -9999), bytes: [...bytes] }
  }
}

class ChannelQueue {
  #tokens: LabelledToken[] = []
  #sent = Buffer.alloc(0)

  push (token: LabelledToken): void {
    this.#tokens.push(token)
  }

  take (text: string): LabelledToken[] {
    if (text !== '') this.#sent = Buffer.concat([this.#sent, Buffer.from(text)])
    let count = 0
    for (const { bytes } of this.#tokens) {
      if (this.#sent.length === 0) break
      const isSent = this.#sent.subarray(0, bytes.length).equals(Buffer.from(bytes))
      const mayFollow = bytes.length > this.#sent.length && Buffer.from(bytes).subarray(0, this.#sent.length).equals(this.#sent)
      if (mayFollow) break
      // A token that matches nothing sent was markup (a dropped newline): it goes along with its neighbour.
      if (isSent) this.#sent = this.#sent.subarray(bytes.length)
      count++
    }
    const taken = this.#tokens.splice(0, count)
    // With nobody waiting, what was sent has no claim any more: text that met no token must not pile up.
    if (this.#tokens.length === 0) this.#sent = Buffer.alloc(0)
    return taken
  }

  rest (): LabelledToken[] {
    return this.#tokens.splice(0)
  }
}
