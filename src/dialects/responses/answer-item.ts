/** One item of the output while it is written: its events, and the form it has at any moment. */
import type { LabelledToken } from '../answer.js'
import type { ItemStatus, OutputItem, OutputText, ReasoningText } from './response-object.js'
import { sealReasoning } from './sealed-reasoning.js'

/** An event without its number. */
export interface ItemEvent {
  type: string
  [field: string]: unknown
}

export interface AnswerItem {
  readonly kind: 'reasoning' | 'message' | 'call'
  readonly opening: ItemEvent[]
  append (text: string, logprobs?: LabelledToken[]): ItemEvent[]
  closing (): ItemEvent[]
  now (status: ItemStatus): OutputItem
}

interface Place {
  item_id: string
  output_index: number
}

export class ReasoningItem implements AnswerItem {
  readonly kind = 'reasoning'
  readonly #place: Place & { content_index: 0 }
  readonly #isSealed: boolean
  text = ''

  constructor (id: string, outputIndex: number, { isSealed }: { isSealed: boolean }) {
    this.#place = { item_id: id, output_index: outputIndex, content_index: 0 }
    this.#isSealed = isSealed
  }

  get opening (): ItemEvent[] {
    return [{ type: 'response.content_part.added', ...this.#place, part: { type: 'reasoning_text', text: '' } }]
  }

  append (text: string): ItemEvent[] {
    this.text += text
    return [{ type: 'response.reasoning_text.delta', ...this.#place, delta: text }]
  }

  closing (): ItemEvent[] {
    return [
      { type: 'response.reasoning_text.done', ...this.#place, text: this.text },
      { type: 'response.content_part.done', ...this.#place, part: this.#part() }
    ]
  }

  now (status: ItemStatus): OutputItem {
    const isEmpty = this.text === ''
    return { id: this.#place.item_id, type: 'reasoning', status, summary: [], content: isEmpty ? [] : [this.#part()], ...(this.#isSealed && !isEmpty ? { encrypted_content: sealReasoning(this.text) } : {}) }
  }

  #part (): ReasoningText {
    return { type: 'reasoning_text', text: this.text }
  }
}

export class MessageItem implements AnswerItem {
  readonly kind = 'message'
  readonly #place: Place & { content_index: 0 }
  readonly #logprobs: LabelledToken[] = []
  text = ''

  constructor (id: string, outputIndex: number) {
    this.#place = { item_id: id, output_index: outputIndex, content_index: 0 }
  }

  get opening (): ItemEvent[] {
    return [{ type: 'response.content_part.added', ...this.#place, part: { type: 'output_text', text: '', annotations: [], logprobs: [] } }]
  }

  append (text: string, logprobs: LabelledToken[] = []): ItemEvent[] {
    this.text += text
    this.#logprobs.push(...logprobs)
    return [{ type: 'response.output_text.delta', ...this.#place, delta: text, logprobs }]
  }

  closing (): ItemEvent[] {
    return [
      { type: 'response.output_text.done', ...this.#place, text: this.text, logprobs: this.#logprobs },
      { type: 'response.content_part.done', ...this.#place, part: this.#part() }
    ]
  }

  now (status: ItemStatus): OutputItem {
    return { id: this.#place.item_id, type: 'message', status, role: 'assistant', content: this.text === '' ? [] : [this.#part()] }
  }

  #part (): OutputText {
    return { type: 'output_text', text: this.text, annotations: [], logprobs: this.#logprobs }
  }
}

export interface CallNames {
  callId: string
  name: string
  /** Its one argument is free text. */
  isCustom: boolean
}

export class CallItem implements AnswerItem {
  readonly kind = 'call'
  readonly opening: ItemEvent[] = []
  readonly names: CallNames
  readonly #place: Place
  argumentsText = ''

  constructor (id: string, outputIndex: number, names: CallNames) {
    this.#place = { item_id: id, output_index: outputIndex }
    this.names = names
  }

  append (text: string): ItemEvent[] {
    this.argumentsText += text
    // Free text is known only when its JSON is complete.
    return this.names.isCustom ? [] : [{ type: 'response.function_call_arguments.delta', ...this.#place, delta: text }]
  }

  closing (): ItemEvent[] {
    if (!this.names.isCustom) return [{ type: 'response.function_call_arguments.done', ...this.#place, name: this.names.name, arguments: this.argumentsText }]
    const input = this.#freeText()
    return [
      { type: 'response.custom_tool_call_input.delta', ...this.#place, delta: input },
      { type: 'response.custom_tool_call_input.done', ...this.#place, input }
    ]
  }

  now (status: ItemStatus): OutputItem {
    const { callId, name, isCustom } = this.names
    const common = { id: this.#place.item_id, status, call_id: callId, name }
    return isCustom ? { ...common, type: 'custom_tool_call', input: status === 'in_progress' ? '' : this.#freeText() } : { ...common, type: 'function_call', arguments: this.argumentsText }
  }

  /** What is no such JSON (a call that was cut) is given as it is. */
  #freeText (): string {
    try {
      const value = JSON.parse(this.argumentsText) as unknown
      if (typeof value === 'object' && value !== null && 'input' in value && typeof value.input === 'string') return value.input
    } catch {}
    return this.argumentsText
  }
}
