/**
 * The pre-tokenizer of any vocabulary: regular expressions, each applied inside the pieces of the one before, where
 * matches and the gaps between them both become pieces.
 */
import type { IdBuffer } from './id-buffer.js'

/**
 * Appends the end of each piece of `text` to `ends`, as a position in its UTF-8 bytes.
 * Throws RangeError on a run of over a million characters that one match would have to span.
 */
export function splitByPatterns (text: string, patterns: readonly RegExp[], ends: IdBuffer): void {
  // A lone surrogate is U+FFFD in the bytes, and U+FFFD is a symbol to the patterns.
  const wellFormed = text.replace(/\p{Surrogate}/gu, '\ufffd')
  let pieces = [wellFormed.length]
  for (const pattern of patterns) pieces = splitOrExplain(wellFormed, pieces, pattern)

  let position = 0
  let byteEnd = 0
  for (const end of pieces) {
    while (position < end) {
      const codePoint = wellFormed.codePointAt(position) ?? 0
      byteEnd += codePoint < 0x80 ? 1 : codePoint < 0x800 ? 2 : codePoint < 0x10000 ? 3 : 4
      position += codePoint < 0x10000 ? 1 : 2
    }
    ends.push(byteEnd)
  }
}

function splitOrExplain (text: string, pieceEnds: readonly number[], pattern: RegExp): number[] {
  try {
    return splitPieces(text, pieceEnds, pattern)
  } catch (error) {
    // The engine keeps a way back for each character of a match, in a stack of fixed size.
    if (error instanceof RangeError) throw new RangeError('The text has too long a run of characters without a break for this tokenizer', { cause: error })
    throw error
  }
}

/** Takes and gives the ends of pieces. */
function splitPieces (text: string, pieceEnds: readonly number[], pattern: RegExp): number[] {
  const ends: number[] = []
  let start = 0
  for (const end of pieceEnds) {
    // A copy of its own, since a look-around must not see beyond the piece.
    const piece = text.slice(start, end)
    let last = start
    pattern.lastIndex = 0
    for (let match = pattern.exec(piece); match !== null; match = pattern.exec(piece)) {
      if (match[0] === '') {
        // By a whole character: from the middle of a pair the engine would step back and find the same place again.
        pattern.lastIndex += (piece.codePointAt(pattern.lastIndex) ?? 0) > 0xffff ? 2 : 1
        continue
      }
      const matchStart = start + match.index
      if (matchStart > last) ends.push(matchStart)
      last = matchStart + match[0].length
      ends.push(last)
    }
    if (end > last) ends.push(end)
    start = end
  }
  return ends
}
