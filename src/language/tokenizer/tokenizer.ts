/**
 * Byte-level BPE: text to token ids and back.
 *
 * Control tokens (`<｜User｜>`, `<think>`, …) are recognised only where the caller says that the text is ours, so that a
 * user who types one sends plain text (V4 encoding, section 8, last part).
 */
import type { Piece } from '../render/rendered-prompt.js'
import { ControlTokenSet } from './control-token-set.js'
import { fillArray, IdBuffer } from './id-buffer.js'
import { ByteMerger } from './merge-bytes.js'
import { longestCachedPieceBytes, PieceCache } from './piece-cache.js'
import { splitByPatterns } from './split-by-patterns.js'
import { isV4Split, splitV4 } from './split-v4.js'
import { translatePattern } from './translate-pattern.js'
import type { Vocabulary } from './vocabulary.js'

export interface EncodeOptions {
  /** What control tokens typed in the text are: `text` (default) or the `token` of that name. */
  control?: 'text' | 'token'
}

export interface DecodeOptions {
  /** Whether control tokens appear as their text (`text`, default) or are left out (`omit`). */
  control?: 'text' | 'omit'
}

const endsKept = 1 << 14

export class Tokenizer {
  readonly vocabulary: Vocabulary
  readonly #controlTokens: ControlTokenSet
  readonly #merger: ByteMerger
  readonly #cache = new PieceCache()
  #ends = new IdBuffer(endsKept)
  /** Undefined: the V4 scanner does it. */
  readonly #patterns: RegExp[] | undefined
  readonly #wholePieces: Map<string, number> | undefined

  /** Throws when a pattern of the vocabulary has no equal in JavaScript. */
  constructor (vocabulary: Vocabulary) {
    this.vocabulary = vocabulary
    this.#controlTokens = new ControlTokenSet(vocabulary.controlTokens)
    this.#merger = new ByteMerger(vocabulary)
    this.#patterns = isV4Split(vocabulary.splitPatterns) ? undefined : vocabulary.splitPatterns.map(translatePattern)
    if (vocabulary.ignoresMergesForWholePieces) this.#wholePieces = this.#collectWholePieces()
  }

  /** Highest id + 1. */
  get vocabularySize (): number {
    return this.vocabulary.size
  }

  encode (text: string, options: EncodeOptions = {}): number[] {
    return this.encodePieces([{ kind: options.control === 'token' ? 'template' : 'data', text }])
  }

  /**
   * Ids of a rendered prompt. Control tokens are looked for in template pieces only and cut the prompt into runs; the
   * text of a run is encoded as one string, so that where pieces meet leaves no trace in the ids.
   */
  encodePieces (pieces: readonly Piece[]): number[] {
    const ids = this.encodePiecesPacked(pieces)
    return fillArray(new Array<number>(ids.length), ids)
  }

  /** encodePieces() in the form that crosses to another thread without a copy. */
  encodePiecesPacked (pieces: readonly Piece[]): Uint32Array<ArrayBuffer> {
    const ids = new IdBuffer(1024)
    let run: string[] = []
    let template: string[] = []
    const endRun = (): void => {
      this.#encodeRun(run.join(''), ids)
      run = []
    }
    // A control token may be cut by the border of two template pieces, but never reach into data.
    const endTemplate = (): void => {
      this.#controlTokens.cut(template.join(''), plain => { run.push(plain) }, id => {
        endRun()
        ids.push(id)
      })
      template = []
    }
    for (const { kind, text } of pieces) {
      if (kind === 'template') template.push(text)
      else {
        endTemplate()
        run.push(text)
      }
    }
    endTemplate()
    endRun()
    return ids.view()
  }

  /** The UTF-8 of the ids; a part of it may be an unfinished character. Throws RangeError on an id that is not in use. */
  decodeBytes (ids: readonly number[], options: DecodeOptions = {}): Uint8Array {
    const kept = options.control === 'omit' ? ids.filter(id => !this.isControl(id)) : ids
    const tokens = kept.map(id => this.bytesOf(id))
    const bytes = new Uint8Array(tokens.reduce((length, token) => length + token.length, 0))
    let end = 0
    for (const token of tokens) {
      bytes.set(token, end)
      end += token.length
    }
    return bytes
  }

  /** Text of the ids; bytes that are no UTF-8 become U+FFFD. */
  decode (ids: readonly number[], options: DecodeOptions = {}): string {
    return new TextDecoder('utf-8', { ignoreBOM: true }).decode(this.decodeBytes(ids, options))
  }

  /** Bytes of one token, as log-probabilities report them; not to be written to. Throws RangeError on an id that is not in use. */
  bytesOf (id: number): Uint8Array {
    const { tokenBytes, tokenEnds, size } = this.vocabulary
    const start = id === 0 ? 0 : tokenEnds[id - 1]
    const end = tokenEnds[id]
    if (start === undefined || end === undefined || start === end) throw new RangeError(`Token id ${id} is not in this vocabulary of ${size} ids`)
    return tokenBytes.subarray(start, end)
  }

  /** Id of the control token with this text; undefined when the vocabulary has none. */
  idOfControl (text: string): number | undefined {
    return this.#controlTokens.idOf(text)
  }

  isControl (id: number): boolean {
    return this.#controlTokens.has(id)
  }

  /** One string without control tokens. */
  #encodeRun (text: string, ids: IdBuffer): void {
    if (text === '') return
    // Lone surrogates become U+FFFD here, as in every UTF-8 encoder.
    const bytes = new TextEncoder().encode(text)
    const ends = this.#ends
    ends.clear()
    if (this.#patterns === undefined) splitV4(bytes, ends)
    else splitByPatterns(text, this.#patterns, ends)
    let start = 0
    for (let index = 0; index < ends.length; index++) {
      const end = ends.at(index)
      this.#encodePiece(bytes, start, end, ids)
      start = end
    }
    // Kept for the next run, as a prompt may have many short ones; a large one's is given back.
    if (ends.length > endsKept) this.#ends = new IdBuffer(endsKept)
  }

  #encodePiece (bytes: Uint8Array, start: number, end: number, ids: IdBuffer): void {
    if (end - start > longestCachedPieceBytes) this.#mergePiece(bytes, start, end, ids)
    else if (!this.#cache.appendKnown(bytes, start, end, ids)) {
      const before = ids.length
      this.#mergePiece(bytes, start, end, ids)
      this.#cache.rememberMissed(bytes, start, end, ids, before)
    }
  }

  #mergePiece (bytes: Uint8Array, start: number, end: number, ids: IdBuffer): void {
    const whole = this.#wholePieces?.get(latin1(bytes.subarray(start, end)))
    if (whole === undefined) this.#merger.merge(bytes, start, end, ids)
    else ids.push(whole)
  }

  #collectWholePieces (): Map<string, number> {
    const wholePieces = new Map<string, number>()
    const { tokenEnds, size } = this.vocabulary
    for (let id = 0; id < size; id++) {
      const isUsed = (tokenEnds[id] ?? 0) > (tokenEnds[id - 1] ?? 0)
      if (isUsed && !this.isControl(id)) wholePieces.set(latin1(this.bytesOf(id)), id)
    }
    return wholePieces
  }
}

function latin1 (bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1')
}
