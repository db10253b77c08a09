/**
 * An answer that its engine parsed itself: text and pieces of tool calls become the events that our own reader makes of token ids.
 * What such an engine does not count is counted from its text.
 */
import type { DispatchEvent, FinishedJob } from '../../dispatch/dispatch-event.js'
import type { AnswerUsage } from '../../dialects/answer.js'
import type { CheckpointLanguage } from '../../language/checkpoint-language.js'
import type { AnswerEvent } from '../../language/parse/answer-event.js'
import { renderPlainText } from '../../language/render/plain-text.js'

export type EngineTextEvent = Extract<DispatchEvent, { type: 'text' | 'tool-call' }>

export interface EngineTextOptions {
  /** Off: an engine that thinks all the same is not listened to. */
  isThinking: boolean
  allowsParallelToolCalls: boolean
}

export class EngineText {
  readonly #options: EngineTextOptions
  /** By index; the names that the engine gave its calls. */
  readonly #callIds = new Map<number, string | null>()
  #openCall: number | null = null
  #reasoning = ''
  #rest = ''

  constructor (options: EngineTextOptions) {
    this.#options = options
  }

  /** What the engine calls the call; null when it gave no id, or there is no such call. */
  callId (index: number): string | null {
    return this.#callIds.get(index) ?? null
  }

  push (event: EngineTextEvent): AnswerEvent[] {
    if (event.type === 'tool-call') return this.#pushCall(event)
    if (event.channel === 'content') this.#rest += event.text
    else if (this.#options.isThinking) this.#reasoning += event.text
    else return []
    return [{ type: event.channel, text: event.text }]
  }

  /** A call that the limit cut ends anywhere. */
  end (reason: 'stop' | 'length'): AnswerEvent[] {
    return this.#closeCall(reason === 'stop')
  }

  /** The engine's counts, and its text's where it gives none. */
  async usage ({ usage }: FinishedJob, promptTokens: number, language: CheckpointLanguage): Promise<AnswerUsage> {
    const count = async (text: string): Promise<number> => text === '' ? 0 : (await language.tokenize(renderPlainText(text))).length
    const completionTokens = usage?.completionTokens ?? await count(this.#reasoning + this.#rest)
    const reasoningTokens = this.#options.isThinking ? usage?.reasoningTokens ?? await count(this.#reasoning) : 0
    return {
      promptTokens: usage?.promptTokens ?? promptTokens,
      cachedTokens: Math.min(usage?.cachedTokens ?? 0, usage?.promptTokens ?? promptTokens),
      completionTokens,
      reasoningTokens: Math.min(reasoningTokens, completionTokens),
      countedBy: usage === null ? 'estimate' : 'engine'
    }
  }

  #pushCall ({ index, id, name, argumentsText }: Extract<EngineTextEvent, { type: 'tool-call' }>): AnswerEvent[] {
    if (index > 0 && !this.#options.allowsParallelToolCalls) return []
    const events: AnswerEvent[] = []
    if (!this.#callIds.has(index)) {
      this.#callIds.set(index, id)
      events.push(...this.#closeCall(true), { type: 'tool-call-start', index, name: name ?? '' })
      this.#openCall = index
    }
    this.#rest += `${name ?? ''}${argumentsText}`
    if (argumentsText !== '') events.push({ type: 'tool-call-arguments', index, text: argumentsText })
    return events
  }

  #closeCall (isComplete: boolean): AnswerEvent[] {
    const index = this.#openCall
    this.#openCall = null
    return index === null ? [] : [{ type: 'tool-call-end', index, isComplete, rawText: '' }]
  }
}
