/**
 * What the V4 pre-tokenizer asks about a character, as bits, looked up once per code point.
 */
export const letterOrMark = 1
export const punctuationOrSymbol = 2
export const whitespace = 4
/** CR or LF; also whitespace. */
export const lineBreak = 8
export const number = 16
/** The range that V4 isolates: common Han ideographs and full-width kana, with the signs among them. */
export const isolatedCjk = 32
export const asciiLetter = 64
const known = 128

const classes = new Uint8Array(0x110000)

export function classOf (codePoint: number): number {
  const found = classes[codePoint] ?? 0
  return found !== 0 ? found : classify(codePoint)
}

function classify (codePoint: number): number {
  const character = String.fromCodePoint(codePoint)
  let bits = known
  if (/[\p{L}\p{M}]/u.test(character)) bits |= letterOrMark
  if (/[\p{P}\p{S}]/u.test(character)) bits |= punctuationOrSymbol
  // Unlike JavaScript's \s this has U+0085 and has not U+FEFF, as in the library the model was trained with.
  if (/\p{White_Space}/u.test(character)) bits |= whitespace
  if (/[\r\n]/.test(character)) bits |= lineBreak
  if (/\p{N}/u.test(character)) bits |= number
  if (/[\u4e00-\u9fa5\u3040-\u30ff]/.test(character)) bits |= isolatedCjk
  if (/[A-Za-z]/.test(character)) bits |= asciiLetter
  classes[codePoint] = bits
  return bits
}
