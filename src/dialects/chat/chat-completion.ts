/** Answer parts to one whole chat completion. */
import type { AnswerFinish, AnswerIdentity, AnswerLogprobs, AnswerPart, AnswerPiece, AnswerUsage } from '../answer.js'
import { chatLogprobs, type ChatLogprobs } from './chat-logprobs.js'
import { chatUsage, type ChatUsage } from './chat-usage.js'

export interface ChatToolCall {
  id: string
  type: 'function'
  function: { name: string, arguments: string }
}

interface ChatChoice {
  index: number
  message: { role: 'assistant', content: string, reasoning_content?: string, refusal: null, tool_calls?: ChatToolCall[] }
  logprobs: ChatLogprobs | null
  finish_reason: string
}

export interface ChatCompletion {
  id: string
  object: 'chat.completion'
  created: number
  model: string
  system_fingerprint: string
  choices: ChatChoice[]
  usage: ChatUsage
}

export interface ChatCompletionOptions {
  identity: AnswerIdentity
  showsReasoning: boolean
  /** Default 1. */
  choiceCount?: number
}

export class ChatCompletionBuilder {
  readonly #options: ChatCompletionOptions
  readonly #choices: ChoiceBuilder[]
  #usage: AnswerUsage | null = null

  constructor (options: ChatCompletionOptions) {
    this.#options = options
    this.#choices = Array.from({ length: options.choiceCount ?? 1 }, () => new ChoiceBuilder())
  }

  add (part: AnswerPart): void {
    if (part.type === 'accepted') return
    if (part.type === 'finished') this.#usage = part.usage
    this.#choices[part.choice ?? 0]?.add(part)
  }

  /** null while the answer has not finished. */
  build (): ChatCompletion | null {
    if (this.#usage === null) return null
    const { identity, showsReasoning } = this.#options
    const withReasoning = identity.isThinking && showsReasoning
    return {
      id: identity.id,
      object: 'chat.completion',
      created: identity.created,
      model: identity.model,
      system_fingerprint: identity.systemFingerprint,
      choices: this.#choices.map((choice, index) => choice.build(index, { withReasoning })),
      usage: chatUsage(this.#usage, identity.isThinking)
    }
  }
}

class ChoiceBuilder {
  #content = ''
  #reasoning = ''
  readonly #toolCalls: ChatToolCall[] = []
  #logprobs: AnswerLogprobs | null = null
  #finish: AnswerFinish = 'stop'

  add (part: Exclude<AnswerPart, { type: 'accepted' }>): void {
    if (part.finish !== undefined) this.#finish = part.finish
    if (part.type !== 'progress') return
    part.pieces.forEach(piece => this.#addPiece(piece))
    if (part.logprobs === null) return
    this.#logprobs ??= { content: [], reasoning: [] }
    this.#logprobs.content.push(...part.logprobs.content)
    this.#logprobs.reasoning.push(...part.logprobs.reasoning)
  }

  build (index: number, { withReasoning }: { withReasoning: boolean }): ChatChoice {
    const logprobs = this.#logprobs === null || withReasoning ? this.#logprobs : { ...this.#logprobs, reasoning: [] }
    return {
      index,
      message: {
        role: 'assistant',
        // "" beside tool calls too, as DeepSeek: null content breaks some clients on replay.
        content: this.#content,
        ...(withReasoning ? { reasoning_content: this.#reasoning } : {}),
        refusal: null,
        ...(this.#toolCalls.length > 0 ? { tool_calls: this.#toolCalls } : {})
      },
      logprobs: chatLogprobs(logprobs),
      finish_reason: this.#finish
    }
  }

  #addPiece (piece: AnswerPiece): void {
    switch (piece.type) {
      case 'reasoning':
        this.#reasoning += piece.text
        break
      case 'content':
        this.#content += piece.text
        break
      case 'tool-call-start':
        this.#toolCalls[piece.index] = { id: piece.id, type: 'function', function: { name: piece.name, arguments: '' } }
        break
      case 'tool-call-arguments': {
        const call = this.#toolCalls[piece.index]
        if (call !== undefined) call.function.arguments += piece.text
        break
      }
      case 'tool-call-end':
    }
  }
}
