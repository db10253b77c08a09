/**
 * Reads one answer from its token ids: characters put together from bytes, reasoning told from content by the certain
 * id of `</think>`, tool calls parsed, stop strings applied to content alone.
 */
import type { AnswerOptions, AnswerReader, TokenChannel } from './checkpoint-language.js'
import { endOfSentence, thinkEnd, thinkStart } from './control-tokens.js'
import type { AnswerEvent } from './parse/answer-event.js'
import { type AnswerParser, type ControlMark, createAnswerParser } from './parse/answer-parser.js'
import type { RenderedPrompt } from './render/rendered-prompt.js'
import { StopStrings } from './stop-strings.js'
import { IncrementalDecoder } from './tokenizer/incremental-decoder.js'
import type { Tokenizer } from './tokenizer/tokenizer.js'

const controlMarks: ReadonlyArray<[text: string, mark: ControlMark]> = [
  [endOfSentence, 'end-of-sentence'], [thinkStart, 'think-start'], [thinkEnd, 'think-end']
]

export function openAnswerReader (tokenizer: Tokenizer, prompt: RenderedPrompt, options: AnswerOptions): AnswerReader {
  return new TokenAnswerReader(tokenizer, prompt, options)
}

class TokenAnswerReader implements AnswerReader {
  readonly #decoder: IncrementalDecoder
  readonly #parser: AnswerParser
  readonly #stopStrings: StopStrings
  readonly #allowsParallelToolCalls: boolean
  readonly #marks: Map<number | undefined, ControlMark>
  #isStopped = false
  #reasoningTokens = 0
  #lastChannels: TokenChannel[] = []

  constructor (tokenizer: Tokenizer, prompt: RenderedPrompt, { tools, stopStrings, allowsParallelToolCalls }: AnswerOptions) {
    this.#decoder = new IncrementalDecoder(tokenizer)
    const marks = prompt.start === 'plain' ? controlMarks.filter(([, mark]) => mark === 'end-of-sentence') : controlMarks
    this.#marks = new Map(marks.map(([text, mark]) => [tokenizer.idOfControl(text), mark]))
    this.#parser = createAnswerParser({
      start: prompt.start,
      isContinuation: prompt.isContinuation,
      tools,
      parsesTools: tools.length > 0,
      // The same characters spelt with ordinary tokens are the model talking about them.
      controlTokens: 'marked'
    })
    this.#stopStrings = new StopStrings(stopStrings)
    this.#allowsParallelToolCalls = allowsParallelToolCalls
  }

  get isStopped (): boolean {
    return this.#isStopped
  }

  get stopString (): string | null {
    return this.#stopStrings.found
  }

  get reasoningTokens (): number {
    return this.#reasoningTokens
  }

  get lastChannels (): readonly TokenChannel[] {
    return this.#lastChannels
  }

  push (ids: readonly number[]): AnswerEvent[] {
    const answer: AnswerEvent[] = []
    this.#lastChannels = ids.map(id => {
      if (this.#isStopped) return 'tool-call'
      const { events, channel } = this.#read(id)
      if (channel === 'reasoning') this.#reasoningTokens++
      answer.push(...this.#applyStops(events))
      return channel
    })
    return answer
  }

  end (reason: 'stop' | 'length'): AnswerEvent[] {
    if (this.#isStopped) return []
    const events = [...this.#parser.push(this.#decoder.flush()), ...this.#parser.end(reason)]
    const answer = this.#applyStops(events)
    const held = this.#stopStrings.release()
    return held === '' ? answer : [...answer, { type: 'content', text: held }]
  }

  #read (id: number): { events: AnswerEvent[], channel: TokenChannel } {
    const mark = this.#marks.get(id)
    if (mark !== undefined) {
      const events = [...this.#parser.push(this.#decoder.flush()), ...this.#parser.mark(mark)]
      return { events, channel: 'tool-call' }
    }
    const before = this.#parser.channel
    const events = this.#parser.push(this.#decoder.push([id]))
    // The last token of a block is still markup, although talk may go on after it.
    const endsMarkup = before === 'tool-call' && !events.some(event => event.type === 'content' || event.type === 'reasoning')
    return { events, channel: endsMarkup ? before : this.#parser.channel }
  }

  /** Leaves out what lies beyond a stop string, or beyond the one call allowed. */
  #applyStops (events: readonly AnswerEvent[]): AnswerEvent[] {
    const kept: AnswerEvent[] = []
    for (const event of events) {
      const text = event.type === 'content' ? this.#stopStrings.push(event.text) : this.#stopStrings.release()
      if (text !== '') kept.push({ type: 'content', text })
      if (event.type !== 'content') kept.push(event)
      this.#isStopped = this.#stopStrings.isStopped || (event.type === 'tool-call-end' && !this.#allowsParallelToolCalls)
      if (this.#isStopped) break
    }
    return kept
  }
}
