import type { Piece } from '../render/rendered-prompt.js'

/** What sending a piece costs beside its text, told in units of text. */
const pieceUnits = 256

/**
 * Groups pieces so that sending each group costs about what `limitUnits` UTF-16 units cost, cutting long pieces. A piece
 * and its parts have the same ids, since encoding joins neighbours of one kind. At least one group, which may be empty.
 */
export function cutIntoBatches (pieces: readonly Piece[], limitUnits: number): Piece[][] {
  let batch: Piece[] = []
  const batches = [batch]
  let room = limitUnits
  for (const { kind, text } of pieces) {
    for (let start = 0; start < text.length;) {
      if (room <= 0) {
        batch = []
        batches.push(batch)
        room = limitUnits
      }
      const part = text.slice(start, start + room)
      batch.push({ kind, text: part })
      start += part.length
      room -= part.length + pieceUnits
    }
  }
  return batches
}
