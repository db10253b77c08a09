/** Answer parts to one whole message. */
import type { AnswerIdentity, AnswerPart, AnswerPiece, FinishedPart } from '../answer.js'
import { messageId } from './message-identity.js'
import { messagesUsage, stopOf } from './messages-usage.js'

type ContentBlock =
  | { type: 'thinking', thinking: string, signature: string }
  | { type: 'text', text: string }
  | { type: 'tool_use', id: string, name: string, argumentsText: string, isComplete: boolean }

export interface MessageBuilderOptions {
  identity: AnswerIdentity
  showsReasoning: boolean
}

export class MessageBuilder {
  readonly #options: MessageBuilderOptions
  readonly #blocks: ContentBlock[] = []
  #end: FinishedPart | null = null

  constructor (options: MessageBuilderOptions) {
    this.#options = options
  }

  add (part: AnswerPart): void {
    if (part.type === 'finished') this.#end = part
    if (part.type === 'progress') part.pieces.forEach(piece => this.#addPiece(piece))
  }

  /** JSON text, since a call's arguments go out as the model wrote them: an id of 20 digits would not survive a number. */
  build (): string | null {
    if (this.#end === null) return null
    const { identity } = this.#options
    const head = JSON.stringify({ id: messageId(identity), type: 'message', role: 'assistant', model: identity.model })
    const tail = JSON.stringify({ ...stopOf(this.#end), usage: { ...messagesUsage(this.#end.usage), service_tier: 'standard' } })
    return `${head.slice(0, -1)},"content":[${this.#blocks.flatMap(blockText).join(',')}],${tail.slice(1)}`
  }

  #addPiece (piece: AnswerPiece): void {
    const last = this.#blocks.at(-1)
    switch (piece.type) {
      case 'reasoning': {
        const text = this.#options.showsReasoning ? piece.text : ''
        if (last?.type === 'thinking') last.thinking += text
        else this.#blocks.push({ type: 'thinking', thinking: text, signature: messageId(this.#options.identity) })
        break
      }
      case 'content':
        if (last?.type === 'text') last.text += piece.text
        else this.#blocks.push({ type: 'text', text: piece.text })
        break
      case 'tool-call-start':
        this.#blocks.push({ type: 'tool_use', id: piece.id, name: piece.name, argumentsText: '', isComplete: false })
        break
      case 'tool-call-arguments':
        if (last?.type === 'tool_use') last.argumentsText += piece.text
        break
      case 'tool-call-end':
        if (last?.type === 'tool_use') last.isComplete = piece.isComplete
    }
  }
}

/** A call that the token limit cut has no input that could be an object; `stop_reason` says why it is not there. */
function blockText (block: ContentBlock): string[] {
  if (block.type !== 'tool_use') return [JSON.stringify(block)]
  if (!block.isComplete) return []
  const { type, id, name, argumentsText } = block
  return [`${JSON.stringify({ type, id, name }).slice(0, -1)},"input":${argumentsText === '' ? '{}' : argumentsText}}`]
}
