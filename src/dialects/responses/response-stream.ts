/**
 * Answer parts to a response: as numbered events while it is written, and as one object at the end. Codex and the SDK's
 * helpers take items from `output_item.done`; a stream is over with `response.completed`, `.incomplete` or `.failed`.
 */
import { errorEnvelope, type GatewayError } from '../../errors.js'
import type { Message, ToolCall } from '../../language/conversation.js'
import type { AnswerIdentity, AnswerPart, AnswerPiece, FinishedPart, LabelledToken, ProgressPart } from '../answer.js'
import { CallItem, MessageItem, ReasoningItem, type AnswerItem, type ItemEvent } from './answer-item.js'
import { responseObject, responsesUsage, type OutputItem, type ResponseObject, type ResponseState } from './response-object.js'
import type { ResponsesRequest } from './responses-request.js'

export interface ResponseEvent extends ItemEvent {
  sequence_number: number
}

export interface ResponseStreamOptions {
  identity: AnswerIdentity
  request: ResponsesRequest
  /** What was applied. */
  effort: string
}

type Piece<Type extends AnswerPiece['type']> = Extract<AnswerPiece, { type: Type }>

export class ResponseStream {
  readonly form = 'events'
  readonly #options: ResponseStreamOptions
  readonly #items: AnswerItem[] = []
  /** Calls by their index in the answer. */
  readonly #calls: CallItem[] = []
  readonly #incomplete = new Set<AnswerItem>()
  #open: AnswerItem | null = null
  #sequence = 0
  #end: FinishedPart | null = null
  #isKept: boolean

  constructor (options: ResponseStreamOptions) {
    this.#options = options
    this.#isKept = options.request.isStored
  }

  /** It was to be kept, and could not be: from here on it does not say that it is. */
  isNotKept (): void {
    this.#isKept = false
  }

  first (): ResponseEvent[] {
    return [...this.#stateEvent('response.created'), ...this.keepAlive()]
  }

  /** Comments do not reset Codex's idle timer, which waits for events that it can parse. */
  keepAlive (): ResponseEvent[] {
    return this.#stateEvent('response.in_progress')
  }

  progress (part: ProgressPart): ResponseEvent[] {
    let logprobs = part.logprobs?.content ?? []
    return part.pieces.flatMap(piece => {
      const own = piece.type === 'content' ? logprobs : []
      if (piece.type === 'content') logprobs = []
      return this.#numbered(this.#piece(piece, own))
    })
  }

  finished (part: FinishedPart): ResponseEvent[] {
    const response = this.response(part)
    const closing = this.#numbered(this.#close())
    return [...closing, ...this.#numbered([{ type: response.status === 'completed' ? 'response.completed' : 'response.incomplete', response }])]
  }

  /** For clients that look at the state of the response, and for the SDK, which throws on an event with an `error`. */
  failed (error: GatewayError, requestId: string): ResponseEvent[] {
    const envelope = errorEnvelope(error, requestId)
    const { message, code, param } = envelope.error
    const response = this.#response({ status: 'failed', output: this.#output(null), usage: null, error: { code, message } })
    return this.#numbered([{ type: 'response.failed', response }, { type: 'error', code, message, param, ...envelope }])
  }

  /** The whole response, once its parts have been seen. */
  response (part: FinishedPart): ResponseObject {
    const isCut = part.finish === 'length'
    return this.#response({ status: isCut ? 'incomplete' : 'completed', output: this.#output(isCut ? this.#open : null), usage: responsesUsage(part.usage), error: null })
  }

  /** The same as the message that a next request continues from. */
  message (): Message {
    const textOf = (kind: 'reasoning' | 'message') => this.#items.map(item => item.kind === kind && 'text' in item ? String(item.text) : '').join('')
    const toolCalls = this.#calls.map((call): ToolCall => ({ id: call.names.callId, name: call.names.name, argumentsText: call.argumentsText }))
    return { role: 'assistant', content: textOf('message'), reasoning: this.#options.identity.isThinking ? textOf('reasoning') : null, toolCalls, isPrefix: false }
  }

  /** For an answer in one piece. */
  add (part: AnswerPart): void {
    if (part.type === 'progress') this.progress(part)
    if (part.type === 'finished') this.#end = part
  }

  build (): ResponseObject | null {
    return this.#end === null ? null : this.response(this.#end)
  }

  #piece (piece: AnswerPiece, logprobs: LabelledToken[]): ItemEvent[] {
    switch (piece.type) {
      case 'reasoning': return this.#appendTo('reasoning', piece)
      case 'content': return this.#appendTo('message', piece, logprobs)
      case 'tool-call-start': return this.#startCall(piece)
      case 'tool-call-arguments': return this.#calls[piece.index]?.append(piece.text) ?? []
      case 'tool-call-end': {
        const call = this.#calls[piece.index]
        if (call !== undefined && !piece.isComplete) this.#incomplete.add(call)
        return this.#close()
      }
    }
  }

  #appendTo (kind: 'reasoning' | 'message', { text }: Piece<'reasoning' | 'content'>, logprobs: LabelledToken[] = []): ItemEvent[] {
    if (this.#open?.kind === kind) return this.#open.append(text, logprobs)
    const place = [this.#itemId(kind === 'message' ? 'msg' : 'rs'), this.#items.length] as const
    const closed = this.#close()
    const item = kind === 'message' ? new MessageItem(...place) : new ReasoningItem(...place, { isSealed: this.#options.request.sealsReasoning })
    return [...closed, ...this.#begin(item), ...item.append(text, logprobs)]
  }

  #startCall ({ id, name, index }: Piece<'tool-call-start'>): ItemEvent[] {
    const closed = this.#close()
    const isCustom = this.#options.request.customNames.has(name)
    const item = new CallItem(this.#itemId(isCustom ? 'ctc' : 'fc'), this.#items.length, { callId: id, name, isCustom })
    this.#calls[index] = item
    return [...closed, ...this.#begin(item)]
  }

  #begin (item: AnswerItem): ItemEvent[] {
    this.#items.push(item)
    this.#open = item
    return [{ type: 'response.output_item.added', output_index: this.#items.length - 1, item: item.now('in_progress') }, ...item.opening]
  }

  #close (): ItemEvent[] {
    const item = this.#open
    if (item === null) return []
    this.#open = null
    const status = this.#incomplete.has(item) ? 'incomplete' : 'completed'
    return [...item.closing(), { type: 'response.output_item.done', output_index: this.#items.indexOf(item), item: item.now(status) }]
  }

  #output (cut: AnswerItem | null): OutputItem[] {
    if (cut !== null) this.#incomplete.add(cut)
    return this.#items.map(item => item.now(this.#incomplete.has(item) ? 'incomplete' : 'completed'))
  }

  #itemId (prefix: string): string {
    return `${prefix}_${this.#options.identity.id.replaceAll('-', '')}${String(this.#items.length).padStart(4, '0')}`
  }

  #stateEvent (type: string): ResponseEvent[] {
    return this.#numbered([{ type, response: this.#response({ status: 'in_progress', output: [], usage: null, error: null }) }])
  }

  #response (state: ResponseState): ResponseObject {
    const { identity, request, effort } = this.#options
    return responseObject(identity, { ...request, isStored: this.#isKept }, effort, state)
  }

  #numbered (events: ItemEvent[]): ResponseEvent[] {
    return events.map(({ type, ...fields }) => ({ type, sequence_number: this.#sequence++, ...fields }))
  }
}
