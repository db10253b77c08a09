/** Answer parts to one whole text completion. */
import type { AnswerFinish, AnswerIdentity, AnswerPart, AnswerUsage, LabelledToken } from '../answer.js'
import { chatUsage, type ChatUsage } from '../chat/chat-usage.js'
import { TextLogprobWriter, type TextLogprobs } from './text-logprobs.js'

export interface TextCompletion {
  id: string
  object: 'text_completion'
  created: number
  model: string
  system_fingerprint: string
  choices: Array<{ text: string, index: number, logprobs: TextLogprobs | null, finish_reason: string | null }>
  usage?: ChatUsage | null
}

export interface TextCompletionOptions {
  identity: AnswerIdentity
  choiceCount: number
  /** The prompt that a choice begins with; null = none is repeated. */
  echo: ((choice: number) => string) | null
}

interface Choice {
  text: string
  tokens: LabelledToken[]
  finish: AnswerFinish | null
}

export class TextCompletionBuilder {
  readonly #identity: AnswerIdentity
  readonly #choices: Choice[]
  #usage: AnswerUsage | null = null

  constructor ({ identity, choiceCount, echo }: TextCompletionOptions) {
    this.#identity = identity
    this.#choices = Array.from({ length: choiceCount }, (_, index): Choice => ({ text: echo?.(index) ?? '', tokens: [], finish: null }))
  }

  add (part: AnswerPart): void {
    if (part.type === 'accepted') return
    const choice = this.#choices[part.choice ?? 0]
    if (choice === undefined) return
    if (part.finish !== undefined) choice.finish = part.finish
    if (part.type === 'finished') {
      this.#usage = part.usage
      return
    }
    choice.text += textOf(part)
    if (part.logprobs !== null) choice.tokens.push(...part.logprobs.content)
  }

  /** null while the answer has not finished. */
  build (): TextCompletion | null {
    if (this.#usage === null) return null
    return {
      ...completionHead(this.#identity),
      choices: this.#choices.map(({ text, tokens, finish }, index) => ({ text, index, logprobs: new TextLogprobWriter().write(tokens), finish_reason: finish })),
      usage: chatUsage(this.#usage, false)
    }
  }
}

export function completionHead ({ id, created, model, systemFingerprint }: AnswerIdentity): Omit<TextCompletion, 'choices' | 'usage'> {
  return { id, object: 'text_completion', created, model, system_fingerprint: systemFingerprint }
}

export function textOf (part: Extract<AnswerPart, { type: 'progress' }>): string {
  return part.pieces.map(piece => piece.type === 'content' ? piece.text : '').join('')
}
