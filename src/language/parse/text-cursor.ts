/** Text as it arrives and how far it has been read. Nothing that was read once is looked at again. */
import { dsml } from '../control-tokens.js'
import { type Marker, type MarkerKind, readMarker } from './marker.js'

export interface Scan {
  /** Ordinary text ends here: at a marker, at what may become one, or at the end. */
  textEnd: number
  /** The marker at `textEnd`; null when more text is needed. */
  marker: Marker | null
}

export class TextCursor {
  text = ''
  position = 0
  /** No more text will come, so what looks like the beginning of a marker is none. */
  isFinal = false
  /** Half of a character waits here for its other half. */
  #surrogate = ''

  append (text: string): void {
    const whole = this.#surrogate + text
    const isCut = /[\ud800-\udbff]$/.test(whole)
    this.#surrogate = isCut ? whole.slice(-1) : ''
    this.text = this.text.slice(this.position) + (isCut ? whole.slice(0, -1) : whole)
    this.position = 0
  }

  /** Releases half a character as it is. */
  flush (): void {
    this.text += this.#surrogate
    this.#surrogate = ''
  }

  /** Ordinary text from here to the next marker of these kinds. */
  scan (active: ReadonlySet<MarkerKind>): Scan {
    const { text } = this
    for (let start = text.indexOf('<', this.position); start !== -1; start = text.indexOf('<', start + 1)) {
      const reading = readMarker(text, start, active)
      if (reading === 'none' || (reading === 'partial' && this.isFinal)) continue
      return { textEnd: start, marker: reading === 'partial' ? null : reading }
    }
    return { textEnd: text.length, marker: null }
  }

  /** Reads up to `end`. */
  take (end: number): string {
    const taken = this.text.slice(this.position, end)
    this.position = end
    return taken
  }

  /** Whether tool markup has begun in what is still unread. */
  get holdsMarkup (): boolean {
    return this.text.includes(dsml, this.position)
  }
}
