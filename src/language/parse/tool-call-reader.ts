/** Reads one call, from behind `<｜DSML｜invoke name="` to its end, whether or not the model wrote that end. */
import type { ToolDefinition } from '../conversation.js'
import type { AnswerEvent } from './answer-event.js'
import { ArgumentsWriter } from './arguments-writer.js'
import type { MarkerKind } from './marker.js'
import { readInvokeHead, readParameterHead } from './tag-head.js'
import type { TextCursor } from './text-cursor.js'

export interface ToolCallReaderOptions {
  cursor: TextCursor
  index: number
  tools: readonly ToolDefinition[]
  /** Markers that end everything. */
  endMarkers: readonly MarkerKind[]
  emit: (event: AnswerEvent) => void
}

/** `parameters`: between parameters. `object`: the body is one JSON object instead. */
type State = 'head' | 'parameters' | 'object' | 'parameter-head' | 'value' | 'done'

export class ToolCallReader {
  readonly #cursor: TextCursor
  readonly #index: number
  readonly #tools: readonly ToolDefinition[]
  readonly #emit: (event: AnswerEvent) => void
  readonly #bodyMarkers: ReadonlySet<MarkerKind>
  readonly #objectMarkers: ReadonlySet<MarkerKind>
  readonly #valueMarkers: ReadonlySet<MarkerKind>
  #state: State = 'head'
  #arguments: ArgumentsWriter | null = null
  #raw: string
  #object = ''
  #bodyHasBegun = false

  /** `opening` is the marker that was read, for the raw text. */
  constructor (opening: string, { cursor, index, tools, endMarkers, emit }: ToolCallReaderOptions) {
    this.#raw = opening
    this.#cursor = cursor
    this.#index = index
    this.#tools = tools
    this.#emit = emit
    this.#objectMarkers = new Set([...endMarkers, 'invoke-close', 'calls-close'])
    this.#valueMarkers = new Set([...this.#objectMarkers, 'parameter-close'])
    this.#bodyMarkers = new Set([...this.#valueMarkers, 'parameter-open', 'invoke-open'])
  }

  get isDone (): boolean {
    return this.#state === 'done'
  }

  get hasStarted (): boolean {
    return this.#arguments !== null
  }

  /** Reads the next stretch of text or the next marker; false when it needs more text for that. */
  step (): boolean {
    switch (this.#state) {
      case 'head': return this.#stepHead()
      case 'parameters': return this.#stepParameters()
      case 'object': return this.#stepObject()
      case 'parameter-head': return this.#stepParameterHead()
      case 'value': return this.#stepValue()
      case 'done': return false
    }
  }

  /** A control token that is mere text here. */
  addText (text: string): void {
    if (this.#state === 'value') this.#arguments?.addText(text)
    if (this.#state === 'object') this.#object += text
    this.#raw += text
  }

  /** The answer ends inside this call. */
  close (reason: 'stop' | 'length'): void {
    if (this.#state === 'done') return
    if (reason === 'stop') this.#end('')
    else if (this.#arguments !== null) this.#emit({ type: 'tool-call-end', index: this.#index, isComplete: false, rawText: '' })
    this.#state = 'done'
  }

  /** A closing tag that was only begun is no part of the value; without its marker it may be the value's own text. */
  dropBegunTag (): void {
    if (this.#state === 'value' && this.#cursor.holdsMarkup) this.#take(this.#cursor.text.length)
  }

  #take (end: number): string {
    const text = this.#cursor.take(end)
    this.#raw += text
    return text
  }

  #stepHead (): boolean {
    const head = readInvokeHead(this.#cursor.text, this.#cursor.position)
    if (head === 'partial') return false
    this.#take(head.end)
    this.#emit({ type: 'tool-call-start', index: this.#index, name: head.name })
    this.#arguments = new ArgumentsWriter(
      this.#tools.find(tool => tool.name === head.name),
      text => { this.#emit({ type: 'tool-call-arguments', index: this.#index, text }) }
    )
    this.#state = 'parameters'
    return true
  }

  #stepParameters (): boolean {
    const { textEnd, marker } = this.#cursor.scan(this.#bodyMarkers)
    if (textEnd > this.#cursor.position) {
      this.#readBetween(textEnd)
      return true
    }
    if (marker === null) return false
    if (marker.kind === 'parameter-open') {
      this.#take(marker.end)
      this.#bodyHasBegun = true
      this.#state = 'parameter-head'
    } else if (marker.kind === 'parameter-close') this.#take(marker.end)
    else if (marker.kind === 'invoke-close') {
      this.#take(marker.end)
      this.#end(this.#raw)
    } else this.#end('')
    return true
  }

  /** Text between parameters means nothing, unless the body begins with a brace. */
  #readBetween (textEnd: number): void {
    const { text, position } = this.#cursor
    const begin = text.slice(position, textEnd).search(/\S/)
    if (begin === -1 || this.#bodyHasBegun) {
      this.#take(textEnd)
      return
    }
    this.#bodyHasBegun = true
    this.#take(position + begin)
    if (text[position + begin] === '{') this.#state = 'object'
  }

  #stepObject (): boolean {
    const { textEnd, marker } = this.#cursor.scan(this.#objectMarkers)
    if (textEnd > this.#cursor.position) {
      this.#object += this.#take(textEnd)
      return true
    }
    if (marker === null) return false
    this.#arguments?.addObject(this.#object)
    this.#object = ''
    this.#state = 'parameters'
    return true
  }

  #stepParameterHead (): boolean {
    const head = readParameterHead(this.#cursor.text, this.#cursor.position)
    if (head === 'partial') return false
    if ('brokenAt' in head) {
      this.#take(head.brokenAt)
      this.#state = 'parameters'
      return true
    }
    this.#take(head.end)
    this.#arguments?.openParameter(head.name, head.isString)
    this.#state = 'value'
    return true
  }

  #stepValue (): boolean {
    const { textEnd, marker } = this.#cursor.scan(this.#valueMarkers)
    if (textEnd > this.#cursor.position) {
      this.#arguments?.addText(this.#take(textEnd))
      return true
    }
    if (marker === null) return false
    // The end of the call or of the block ends the value too, and is read again after it.
    if (marker.kind === 'parameter-close') this.#take(marker.end)
    this.#arguments?.closeParameter()
    this.#state = 'parameters'
    return true
  }

  /** `rawText` only when the model closed the call itself: another spelling could not be replayed inside a block. */
  #end (rawText: string): void {
    if (this.#state === 'object') this.#arguments?.addObject(this.#object)
    if (this.#state === 'value') this.#arguments?.closeParameter()
    this.#arguments?.finish()
    if (this.#arguments !== null) this.#emit({ type: 'tool-call-end', index: this.#index, isComplete: true, rawText })
    this.#state = 'done'
  }
}
