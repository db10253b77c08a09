/**
 * Answer parts to the events of a messages stream: one content block after another, each opened, filled and closed. The
 * order is the one the official SDK insists on: message_start first and once, then blocks, then message_delta.
 */
import type { GatewayError } from '../../errors.js'
import type { AcceptedPart, AnswerIdentity, AnswerPiece, FinishedPart, ProgressPart } from '../answer.js'
import { messageId } from './message-identity.js'
import { messagesError } from './messages-error.js'
import { messagesUsage, stopOf } from './messages-usage.js'

export interface MessageEvent {
  type: 'message_start' | 'content_block_start' | 'ping' | 'content_block_delta' | 'content_block_stop' | 'message_delta' | 'message_stop' | 'error'
  [field: string]: unknown
}

export interface MessageStreamOptions {
  identity: AnswerIdentity
  promptTokens: number
  showsReasoning: boolean
}

const ping: MessageEvent = { type: 'ping' }

export class MessageStream {
  readonly form = 'events'
  readonly #options: MessageStreamOptions
  #open: 'thinking' | 'text' | 'tool_use' | null = null
  #index = -1

  constructor (options: MessageStreamOptions) {
    this.#options = options
  }

  first ({ cachedTokens }: AcceptedPart): MessageEvent[] {
    const { identity, promptTokens } = this.#options
    const usage = messagesUsage({ promptTokens, cachedTokens: cachedTokens ?? 0, completionTokens: 0 })
    return [{
      type: 'message_start',
      message: {
        id: messageId(identity),
        type: 'message',
        role: 'assistant',
        model: identity.model,
        content: [],
        stop_reason: null,
        stop_sequence: null,
        usage: { ...usage, service_tier: 'standard' }
      }
    }]
  }

  progress (part: ProgressPart): MessageEvent[] {
    return part.pieces.flatMap(piece => this.#piece(piece))
  }

  finished (part: FinishedPart): MessageEvent[] {
    return [
      ...this.#close(),
      { type: 'message_delta', delta: stopOf(part), usage: messagesUsage(part.usage) },
      { type: 'message_stop' }
    ]
  }

  failed (error: GatewayError, requestId: string): MessageEvent[] {
    return [{ ...messagesError(error, requestId).envelope }]
  }

  keepAlive (): MessageEvent[] {
    return [ping]
  }

  #piece (piece: AnswerPiece): MessageEvent[] {
    switch (piece.type) {
      case 'reasoning': {
        const opened = this.#begin('thinking', { type: 'thinking', thinking: '', signature: '' })
        return this.#options.showsReasoning ? [...opened, this.#delta({ type: 'thinking_delta', thinking: piece.text })] : opened
      }
      case 'content':
        return [...this.#begin('text', { type: 'text', text: '' }), this.#delta({ type: 'text_delta', text: piece.text })]
      case 'tool-call-start':
        return [...this.#close(), ...this.#begin('tool_use', { type: 'tool_use', id: piece.id, name: piece.name, input: {} })]
      case 'tool-call-arguments':
        return [this.#delta({ type: 'input_json_delta', partial_json: piece.text })]
      case 'tool-call-end':
        return this.#close()
    }
  }

  /** Goes on with the open block when it is of this kind. */
  #begin (kind: 'thinking' | 'text' | 'tool_use', block: object): MessageEvent[] {
    if (this.#open === kind) return []
    const closed = this.#close()
    this.#open = kind
    this.#index++
    const start: MessageEvent = { type: 'content_block_start', index: this.#index, content_block: block }
    return this.#index === 0 ? [start, ping] : [...closed, start]
  }

  #close (): MessageEvent[] {
    if (this.#open === null) return []
    const signature = this.#open === 'thinking' ? [this.#delta({ type: 'signature_delta', signature: messageId(this.#options.identity) })] : []
    this.#open = null
    return [...signature, { type: 'content_block_stop', index: this.#index }]
  }

  #delta (delta: object): MessageEvent {
    return { type: 'content_block_delta', index: this.#index, delta }
  }
}
