/**
 * Answer parts to the chunks of a chat stream, in the forms DeepSeek's API was captured sending.
 *
 * A key that has nothing to say in a tool delta is left out, never null: the openai SDK reads a null name as a changed
 * identity and throws. First and last chunk have their fixed forms.
 */
import { errorEnvelope, type ErrorEnvelope, type GatewayError } from '../../errors.js'
import type { AnswerFinish, AnswerIdentity, AnswerPiece, AnswerUsage, FinishedPart, ProgressPart } from '../answer.js'
import { chatLogprobs, type ChatLogprobs } from './chat-logprobs.js'
import { chatUsage, type ChatUsage } from './chat-usage.js'

/** Where a stream reports usage: on the finish chunk, in a chunk without choices (when asked for), or both. */
export type UsageLayout = 'deepseek' | 'openai' | 'both'

export interface ChatStreamOptions {
  identity: AnswerIdentity
  usageLayout: UsageLayout
  includesUsage: boolean
  showsReasoning: boolean
  /** Default 1. */
  choiceCount?: number
}

export interface ChatDelta {
  role?: 'assistant'
  content?: string | null
  reasoning_content?: string | null
  tool_calls?: Array<{ index: number, id?: string, type?: 'function', function: { name?: string, arguments: string } }>
}

export interface ChatChunk {
  id: string
  object: 'chat.completion.chunk'
  created: number
  model: string
  system_fingerprint: string
  choices: Array<{ index: number, delta: ChatDelta, logprobs: ChatLogprobs | null, finish_reason: string | null }>
  usage?: ChatUsage | null
}

export class ChatStream {
  readonly form = 'chunks'
  readonly #options: ChatStreamOptions
  readonly #withReasoning: boolean

  constructor (options: ChatStreamOptions) {
    this.#options = options
    this.#withReasoning = options.identity.isThinking && options.showsReasoning
  }

  /** Says that every choice has begun; goes before all other chunks. */
  first (): ChatChunk[] {
    return Array.from({ length: this.#options.choiceCount ?? 1 }, (_, choice) => this.#chunk(this.#withReasoning
      ? { role: 'assistant', content: null, reasoning_content: '' }
      : { role: 'assistant', content: '' }, { choice }))
  }

  progress (part: ProgressPart): ChatChunk[] {
    return part.finish === undefined ? this.#news(part) : [...this.#news(part), this.#end(part.finish, part.choice)]
  }

  #news (part: ProgressPart): ChatChunk[] {
    const deltas = part.pieces.map(piece => this.#delta(piece)).filter(delta => delta !== null)
    if (deltas.length === 0) return part.logprobs === null || chatLogprobs(part.logprobs) === null ? [] : this.#withLogprobs([{}], part)
    return this.#withLogprobs(deltas, part)
  }

  finished (part: FinishedPart): ChatChunk[] {
    const { usageLayout, includesUsage } = this.#options
    const usage = this.#usage(part.usage)
    const last = this.#end(part.finish, part.choice)
    if (usageLayout !== 'openai') last.usage = usage
    if (usageLayout === 'deepseek' || !includesUsage) return [last]
    return [last, { ...this.#chunk({}), choices: [], usage }]
  }

  /** A chunk that both kinds of client understand as a failure: those that look for `error` and those that look for a finish reason. */
  failed (error: GatewayError, requestId: string): Array<ChatChunk & ErrorEnvelope> {
    return [{ ...this.#chunk({ content: '' }, { finishReason: 'error' }), ...errorEnvelope(error, requestId) }]
  }

  #end (finishReason: AnswerFinish, choice = 0): ChatChunk {
    return this.#chunk(this.#withReasoning ? { content: '', reasoning_content: null } : { content: '' }, { finishReason, choice })
  }

  #withLogprobs (deltas: ChatDelta[], part: ProgressPart): ChatChunk[] {
    const chunks = deltas.map(delta => this.#chunk(delta, { choice: part.choice ?? 0 }))
    if (part.logprobs === null) return chunks
    const { content, reasoning } = part.logprobs
    const owner = (key: 'content' | 'reasoning_content') => Math.max(0, deltas.findIndex(delta => typeof delta[key] === 'string'))
    chunks.forEach((chunk, position) => {
      const choice = chunk.choices[0]
      if (choice === undefined) return
      choice.logprobs = chatLogprobs({
        content: position === owner('content') ? content : [],
        reasoning: position === owner('reasoning_content') && this.#withReasoning ? reasoning : []
      })
    })
    return chunks
  }

  #delta (piece: AnswerPiece): ChatDelta | null {
    switch (piece.type) {
      case 'reasoning':
        return this.#withReasoning ? { content: null, reasoning_content: piece.text } : null
      case 'content':
        return this.#withReasoning ? { content: piece.text, reasoning_content: null } : { content: piece.text }
      case 'tool-call-start':
        return { tool_calls: [{ index: piece.index, id: piece.id, type: 'function', function: { name: piece.name, arguments: '' } }] }
      case 'tool-call-arguments':
        return { tool_calls: [{ index: piece.index, function: { arguments: piece.text } }] }
      case 'tool-call-end':
        return null
    }
  }

  #usage (usage: AnswerUsage): ChatUsage {
    return chatUsage(usage, this.#options.identity.isThinking)
  }

  #chunk (delta: ChatDelta, { finishReason = null, choice = 0 }: { finishReason?: string | null, choice?: number } = {}): ChatChunk {
    const { id, created, model, systemFingerprint } = this.#options.identity
    return {
      id,
      object: 'chat.completion.chunk',
      created,
      model,
      system_fingerprint: systemFingerprint,
      choices: [{ index: choice, delta, logprobs: null, finish_reason: finishReason }],
      ...(this.#options.includesUsage ? { usage: null } : {})
    }
  }
}
