/** Answer parts to one whole chat completion. */
import type { AnswerIdentity, AnswerLogprobs, AnswerPart, AnswerPiece, FinishedPart } from '../answer.js'
import { chatLogprobs, type ChatLogprobs } from './chat-logprobs.js'
import { chatUsage, type ChatUsage } from './chat-usage.js'

export interface ChatToolCall {
  id: string
  type: 'function'
  function: { name: string, arguments: string }
}

export interface ChatCompletion {
  id: string
  object: 'chat.completion'
  created: number
  model: string
  system_fingerprint: string
  choices: [{
    index: 0
    message: { role: 'assistant', content: string, reasoning_content?: string, refusal: null, tool_calls?: ChatToolCall[] }
    logprobs: ChatLogprobs | null
    finish_reason: string
  }]
  usage: ChatUsage
}

export class ChatCompletionBuilder {
  readonly #options: { identity: AnswerIdentity, showsReasoning: boolean }
  #content = ''
  #reasoning = ''
  readonly #toolCalls: ChatToolCall[] = []
  #logprobs: AnswerLogprobs | null = null
  #end: FinishedPart | null = null

  constructor (options: { identity: AnswerIdentity, showsReasoning: boolean }) {
    this.#options = options
  }

  add (part: AnswerPart): void {
    if (part.type === 'finished') this.#end = part
    if (part.type !== 'progress') return
    part.pieces.forEach(piece => this.#addPiece(piece))
    if (part.logprobs === null) return
    this.#logprobs ??= { content: [], reasoning: [] }
    this.#logprobs.content.push(...part.logprobs.content)
    this.#logprobs.reasoning.push(...part.logprobs.reasoning)
  }

  /** null while the answer has not finished. */
  build (): ChatCompletion | null {
    if (this.#end === null) return null
    const { identity, showsReasoning } = this.#options
    const withReasoning = identity.isThinking && showsReasoning
    const logprobs = this.#logprobs === null || withReasoning ? this.#logprobs : { ...this.#logprobs, reasoning: [] }
    return {
      id: identity.id,
      object: 'chat.completion',
      created: identity.created,
      model: identity.model,
      system_fingerprint: identity.systemFingerprint,
      choices: [{
        index: 0,
        message: {
          role: 'assistant',
          // "" beside tool calls too, as DeepSeek: null content breaks some clients on replay.
          content: this.#content,
          ...(withReasoning ? { reasoning_content: this.#reasoning } : {}),
          refusal: null,
          ...(this.#toolCalls.length > 0 ? { tool_calls: this.#toolCalls } : {})
        },
        logprobs: chatLogprobs(logprobs),
        finish_reason: this.#end.finish
      }],
      usage: chatUsage(this.#end.usage, identity.isThinking)
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
