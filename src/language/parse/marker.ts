/**
 * The marks in a model's text that carry meaning (V4 encoding, section 9.2), found at one position.
 *
 * Besides the exact tags, the misspellings that models of this family are known for: `toolcalls`, `function_calls`,
 * V4.1's ` calls`, and a space after the DSML marker.
 */
import { dsml, endOfSentence, thinkEnd, thinkStart } from '../control-tokens.js'

export type MarkerKind =
  | 'end-of-sentence' | 'think-start' | 'think-end'
  | 'calls-open' | 'calls-close'
  /** These two end after `name="`; the rest of the tag is for the caller. */
  | 'invoke-open' | 'parameter-open'
  | 'invoke-close' | 'parameter-close'

export interface Marker {
  kind: MarkerKind
  /** Just behind it. */
  end: number
}

/** `partial`: the text ends before it can be told. */
export type MarkerReading = Marker | 'partial' | 'none'

const literals: ReadonlyArray<[MarkerKind, string]> = [
  ['end-of-sentence', endOfSentence], ['think-start', thinkStart], ['think-end', thinkEnd]
]
const opener = `<${dsml}`
const closer = `</${dsml}`
const callsWords = ['tool_calls', 'toolcalls', 'tool_call', 'toolcall', 'function_calls', 'functioncalls', 'function_call', 'calls']
const words = [...callsWords, 'invoke', 'parameter']
const nameAttribute = ' name="'
/** A tag that has not made itself known by then is text. */
const longestTag = 64

/** Reads at a `<`; only the kinds given count, everything else is `none`. */
export function readMarker (text: string, position: number, active: ReadonlySet<MarkerKind>): MarkerReading {
  let isPartial = false
  for (const [kind, literal] of literals) {
    if (!active.has(kind)) continue
    if (text.startsWith(literal, position)) return { kind, end: position + literal.length }
    isPartial ||= isCutShort(text, position, literal)
  }
  const tag = readTag(text, position)
  if (tag === 'partial') return isPartial || recognisesTags(active) ? 'partial' : 'none'
  if (tag !== 'none' && active.has(tag.kind)) return tag
  return isPartial ? 'partial' : 'none'
}

function recognisesTags (active: ReadonlySet<MarkerKind>): boolean {
  return active.has('calls-open') || active.has('calls-close')
}

function readTag (text: string, position: number): MarkerReading {
  const start = text.startsWith(closer, position) ? closer : opener
  if (!text.startsWith(start, position)) {
    return isCutShort(text, position, opener) || isCutShort(text, position, closer) ? 'partial' : 'none'
  }
  const limit = position + longestTag
  const wordStart = skip(' ', text, position + start.length, limit)
  const wordEnd = skip('abcdefghijklmnopqrstuvwxyz_', text, wordStart, limit)
  const word = text.slice(wordStart, wordEnd)
  if (wordEnd >= limit) return 'none'
  if (wordEnd === text.length) return words.some(known => known.startsWith(word)) ? 'partial' : 'none'
  if (!words.includes(word)) return 'none'
  const tag = word === 'invoke' || word === 'parameter' ? word : 'calls'
  if (start === closer) return readTagEnd(text, wordEnd, limit, `${tag}-close`)
  if (tag === 'calls') return readTagEnd(text, wordEnd, limit, 'calls-open')
  if (text.startsWith(nameAttribute, wordEnd)) return { kind: `${tag}-open`, end: wordEnd + nameAttribute.length }
  return isCutShort(text, wordEnd, nameAttribute) ? 'partial' : 'none'
}

function readTagEnd (text: string, wordEnd: number, limit: number, kind: MarkerKind): MarkerReading {
  const end = skip(' ', text, wordEnd, limit)
  if (end >= limit) return 'none'
  if (end === text.length) return 'partial'
  return text[end] === '>' ? { kind, end: end + 1 } : 'none'
}

function skip (characters: string, text: string, position: number, limit: number): number {
  while (position < Math.min(text.length, limit) && characters.includes(text.charAt(position))) position++
  return position
}

/** Whether the text ends inside this literal. */
function isCutShort (text: string, position: number, literal: string): boolean {
  const rest = text.length - position
  return rest < literal.length && literal.startsWith(text.slice(position))
}
