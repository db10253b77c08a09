/**
 * The model's text as reasoning, content and tool calls, while it arrives: the tolerant machine of V4 encoding,
 * section 9.2. What it tells does not depend on how the text was cut, and it never takes anything back.
 */
import type { TokenChannel } from '../checkpoint-language.js'
import { thinkEnd, thinkStart } from '../control-tokens.js'
import type { ToolDefinition } from '../conversation.js'
import type { RenderedPrompt } from '../render/rendered-prompt.js'
import type { AnswerEvent } from './answer-event.js'
import type { MarkerKind } from './marker.js'
import { TalkWriter } from './talk-writer.js'
import { TextCursor } from './text-cursor.js'
import { ToolCallReader } from './tool-call-reader.js'

export interface AnswerParserOptions extends Pick<RenderedPrompt, 'start' | 'isContinuation'> {
  /** Calls outside a proper block count only when declared here; schemas decide on coercion. */
  tools: readonly ToolDefinition[]
  /** False: tool markup is text. */
  parsesTools: boolean
  /** Whether `<think>`, `</think>` and the end token are found in the text (default) or only told by mark(). */
  controlTokens?: 'in-text' | 'marked'
}

export type ControlMark = 'think-start' | 'think-end' | 'end-of-sentence'

export interface AnswerParser {
  push (text: string): AnswerEvent[]
  /** A control token that is certain, since its id was seen. */
  mark (mark: ControlMark): AnswerEvent[]
  /** No more text. `length` leaves an unfinished call unfinished; after an end token the reason does not matter. */
  end (reason: 'stop' | 'length'): AnswerEvent[]
  /** Where the text arriving now belongs. */
  readonly channel: TokenChannel
  /** True after an end token or end(). */
  readonly isFinished: boolean
}

export function createAnswerParser (options: AnswerParserOptions): AnswerParser {
  return new AnswerMachine(options)
}

/** `block`: between calls. `after`: behind the block, where nothing counts but another block. */
type State = 'talk' | 'block' | 'call' | 'after' | 'finished'

const controlMarkers: readonly ControlMark[] = ['end-of-sentence', 'think-start', 'think-end']
const blockMarkers: readonly MarkerKind[] = ['calls-open', 'calls-close', 'invoke-open', 'invoke-close', 'parameter-close']

class AnswerMachine implements AnswerParser {
  readonly #tools: readonly ToolDefinition[]
  readonly #endMarkers: readonly MarkerKind[]
  readonly #active: Record<'talk' | 'block' | 'after', ReadonlySet<MarkerKind>>
  readonly #cursor = new TextCursor()
  readonly #talk: TalkWriter
  #state: State
  /** False where calls came without the tags around them. */
  #isWrapped = true
  #calls = 0
  #call: ToolCallReader | null = null
  #events: AnswerEvent[] = []

  constructor ({ start, isContinuation, tools, parsesTools, controlTokens = 'in-text' }: AnswerParserOptions) {
    const control = controlTokens === 'in-text' ? controlMarkers : []
    this.#tools = tools
    this.#endMarkers = control.filter(kind => kind === 'end-of-sentence')
    this.#active = {
      talk: new Set([...control, ...(parsesTools ? blockMarkers : [])]),
      block: new Set([...this.#endMarkers, ...blockMarkers]),
      after: new Set([...this.#endMarkers, 'calls-open'])
    }
    this.#state = start === 'tool-calls' ? 'block' : 'talk'
    this.#talk = new TalkWriter(start === 'reasoning' ? 'reasoning' : 'content', !isContinuation, this.#emit)
  }

  get channel (): TokenChannel {
    return this.#state === 'talk' && !this.#cursor.holdsMarkup ? this.#talk.channel : 'tool-call'
  }

  get isFinished (): boolean {
    return this.#state === 'finished'
  }

  push (text: string): AnswerEvent[] {
    if (this.isFinished) return []
    this.#cursor.append(text)
    this.#run()
    return this.#takeEvents()
  }

  mark (mark: ControlMark): AnswerEvent[] {
    if (mark === 'end-of-sentence') return this.end('stop')
    this.#flush()
    if (this.#state !== 'finished') {
      this.#call?.addText(mark === 'think-end' ? thinkEnd : thinkStart)
      if (this.#state === 'block' && !this.#isWrapped) this.#state = 'talk'
      if (this.#state === 'talk') this.#think(mark)
    }
    return this.#takeEvents()
  }

  end (reason: 'stop' | 'length'): AnswerEvent[] {
    this.#call?.dropBegunTag()
    this.#flush()
    this.#finish(reason)
    return this.#takeEvents()
  }

  readonly #emit = (event: AnswerEvent): void => {
    const last = this.#events.at(-1)
    const isSame = last?.type === event.type && (!('index' in last) || !('index' in event) || last.index === event.index)
    if (isSame && 'text' in last && 'text' in event) last.text += event.text
    else this.#events.push(event)
  }

  #takeEvents (): AnswerEvent[] {
    const events = this.#events
    this.#events = []
    return events
  }

  #run (): void {
    while (this.#step());
  }

  /** What was held back as the beginning of a marker is text. */
  #flush (): void {
    this.#cursor.flush()
    this.#cursor.isFinal = true
    this.#run()
    this.#cursor.isFinal = false
  }

  #finish (reason: 'stop' | 'length'): void {
    if (this.#state === 'finished') return
    this.#call?.close(reason)
    this.#talk.releaseHeld()
    this.#state = 'finished'
  }

  /** Reads the next stretch of text or the next marker; false when it needs more text for that. */
  #step (): boolean {
    switch (this.#state) {
      case 'talk': return this.#stepTalk()
      case 'block': return this.#stepBlock()
      case 'call': return this.#stepCall()
      case 'after': return this.#stepAfter()
      case 'finished': return false
    }
  }

  #stepTalk (): boolean {
    const cursor = this.#cursor
    const { textEnd, marker } = cursor.scan(this.#active.talk)
    if (textEnd > cursor.position) {
      this.#talk.write(cursor.take(textEnd))
      return true
    }
    if (marker === null) return false
    switch (marker.kind) {
      case 'invoke-open': return this.#meetBareCall(marker.end)
      case 'calls-open':
        this.#enterBlock({ isWrapped: true })
        break
      case 'end-of-sentence':
        this.#finish('stop')
        break
      case 'think-start':
      case 'think-end':
        this.#think(marker.kind)
        break
      default: // A stray closing tag says nothing.
    }
    cursor.take(marker.end)
    return true
  }

  /** A call without a block is one only if the tool was offered; otherwise the model is quoting. */
  #meetBareCall (nameStart: number): boolean {
    const cursor = this.#cursor
    const quote = cursor.text.indexOf('"', nameStart)
    const name = cursor.text.slice(nameStart, quote === -1 ? undefined : quote)
    const isOpen = quote === -1 && !cursor.isFinal
    if (isOpen && this.#tools.some(tool => tool.name.startsWith(name))) return false
    if (quote !== -1 && this.#tools.some(tool => tool.name === name)) this.#enterBlock({ isWrapped: false })
    else this.#talk.write(cursor.take(cursor.position + 1))
    return true
  }

  #think (mark: 'think-start' | 'think-end'): void {
    if (mark === 'think-end' && this.#talk.channel === 'reasoning') {
      this.#talk.dropHeld()
      this.#talk.enter('content')
    } else if (mark === 'think-start' && this.#talk.channel === 'content') {
      this.#talk.releaseHeld()
      this.#talk.enter('reasoning')
    }
  }

  #enterBlock ({ isWrapped }: { isWrapped: boolean }): void {
    this.#talk.dropHeld()
    this.#talk.enter('content')
    this.#isWrapped = isWrapped
    this.#state = 'block'
  }

  #stepBlock (): boolean {
    const cursor = this.#cursor
    const { textEnd, marker } = cursor.scan(this.#active.block)
    if (textEnd > cursor.position) {
      this.#readBetweenCalls(textEnd)
      return true
    }
    if (marker === null) return false
    if (marker.kind === 'end-of-sentence') this.#finish('stop')
    else if (marker.kind === 'calls-open') this.#isWrapped = true
    else if (marker.kind === 'calls-close') this.#state = this.#calls > 0 ? 'after' : 'talk'
    const tag = cursor.take(marker.end)
    if (marker.kind === 'invoke-open') this.#openCall(tag)
    return true
  }

  /** Text between calls means nothing in a block; without one it is the answer going on. */
  #readBetweenCalls (textEnd: number): void {
    const { text, position } = this.#cursor
    const begin = this.#isWrapped ? -1 : text.slice(position, textEnd).search(/\S/)
    this.#cursor.take(begin === -1 ? textEnd : position + begin)
    if (begin !== -1) this.#state = 'talk'
  }

  #openCall (tag: string): void {
    this.#call = new ToolCallReader(tag, {
      cursor: this.#cursor, index: this.#calls, tools: this.#tools, endMarkers: this.#endMarkers, emit: this.#emit
    })
    this.#state = 'call'
  }

  #stepCall (): boolean {
    const call = this.#call
    if (call?.isDone === false) return call.step()
    if (call?.hasStarted === true) this.#calls++
    this.#call = null
    this.#state = 'block'
    return true
  }

  #stepAfter (): boolean {
    const cursor = this.#cursor
    const { textEnd, marker } = cursor.scan(this.#active.after)
    cursor.take(marker?.end ?? textEnd)
    if (marker?.kind === 'end-of-sentence') this.#finish('stop')
    else if (marker?.kind === 'calls-open') this.#state = 'block'
    return marker !== null
  }
}
