/**
 * Pieces in a form that is cheap to send to another thread: a few flat values in place of an object per piece.
 */
import type { Piece } from '../render/rendered-prompt.js'

export interface PieceBatch {
  /** The text of all pieces, one after the other. */
  text: string
  /** Where each piece ends in `text`, in UTF-16 units. */
  ends: Uint32Array
  /** 1 for a template piece, 0 for data. */
  isTemplate: Uint8Array
}

/** What a piece costs beside its text, told in units of text. */
const pieceUnits = 64

/**
 * Packs pieces so that each batch costs at most about what `limitUnits` UTF-16 units cost, cutting long pieces. A piece
 * and its parts have the same ids, since encoding joins neighbours of one kind.
 */
export function * packInBatches (pieces: Iterable<Piece>, limitUnits: number): Generator<PieceBatch> {
  let batch: Piece[] = []
  let room = limitUnits
  for (const { kind, text } of pieces) {
    for (let start = 0; start < text.length;) {
      const part = text.slice(start, start + room)
      batch.push({ kind, text: part })
      start += part.length
      room -= part.length + pieceUnits
      if (room > 0) continue
      yield pack(batch)
      batch = []
      room = limitUnits
    }
  }
  if (batch.length > 0) yield pack(batch)
}

export function unpackPieces ({ text, ends, isTemplate }: PieceBatch): Piece[] {
  return Array.from(ends, (end, index) => ({ kind: isTemplate[index] === 1 ? 'template' : 'data', text: text.slice(ends[index - 1] ?? 0, end) }))
}

function pack (pieces: Piece[]): PieceBatch {
  let end = 0
  const ends = Uint32Array.from(pieces, piece => {
    end += piece.text.length
    return end
  })
  return { text: pieces.map(piece => piece.text).join(''), ends, isTemplate: Uint8Array.from(pieces, piece => piece.kind === 'template' ? 1 : 0) }
}
