import type { AnswerPiece } from '../../dialects/answer.js'
import type { AnswerEvent } from '../../language/parse/answer-event.js'
import { createCallId } from './call-id.js'
import type { CallStore, OwnCall } from './call-store.js'

/** What of an answer is needed after it was sent: its calls, by the ids they got, and the reasoning that led to them. */
export class AnswerRecord {
  #reasoning = ''
  readonly #engineId: (index: number) => string | null
  readonly #calls: Array<OwnCall & { id: string, isComplete: boolean }> = []

  /** @param engineId what the engine named the call of that index itself; null where it did not */
  constructor (engineId: (index: number) => string | null = () => null) {
    this.#engineId = engineId
  }

  get hasCalls (): boolean {
    return this.#calls.length > 0
  }

  /** Gives calls their ids, and joins neighbours of one kind: one chunk says what ten would. */
  add (events: readonly AnswerEvent[]): AnswerPiece[] {
    const pieces: AnswerPiece[] = []
    for (const event of events) {
      const piece = this.#note(event)
      const last = pieces.at(-1)
      if (last?.type === piece.type && (piece.type === 'content' || piece.type === 'reasoning') && 'text' in last) {
        pieces[pieces.length - 1] = { ...piece, text: last.text + piece.text }
      } else if (last?.type === 'tool-call-arguments' && piece.type === 'tool-call-arguments' && last.index === piece.index) {
        pieces[pieces.length - 1] = { ...piece, text: last.text + piece.text }
      } else {
        pieces.push(piece)
      }
    }
    return pieces
  }

  remember (store: CallStore): void {
    for (const { id, isComplete, ...call } of this.#calls) {
      if (isComplete) store.set(id, { ...call, reasoning: this.#reasoning })
    }
  }

  #note (event: AnswerEvent): AnswerPiece {
    if (event.type === 'reasoning') this.#reasoning += event.text
    if (event.type === 'tool-call-start') {
      const id = createCallId(event.index)
      this.#calls[event.index] = { id, name: event.name, argumentsText: '', rawText: '', reasoning: '', engineId: this.#engineId(event.index), isComplete: false }
      return { ...event, id }
    }
    const call = 'index' in event ? this.#calls[event.index] : undefined
    if (call !== undefined && event.type === 'tool-call-arguments') call.argumentsText += event.text
    if (call !== undefined && event.type === 'tool-call-end') {
      call.rawText = event.rawText
      call.isComplete = event.isComplete
    }
    return event
  }
}
