/** Sets of characters, and the UTF-8 that spells them (RFC 3629, section 4). */
import { type Expression, type Path, paths } from './expression.js'

/** Sorted, apart from each other, without surrogates. */
export type CodePoints = ReadonlyArray<readonly [first: number, last: number]>

const LAST = 0x10ffff

export const anyCodePoint: CodePoints = [[0, 0xd7ff], [0xe000, LAST]]

/** Sorts and joins ranges, and leaves surrogates out. */
export function codePoints (...ranges: ReadonlyArray<readonly [first: number, last: number]>): CodePoints {
  const joined: Array<[number, number]> = []
  for (const [first, last] of ranges.toSorted(([left], [right]) => left - right)) {
    const before = joined.at(-1)
    if (before !== undefined && first <= before[1] + 1) before[1] = Math.max(before[1], last)
    else joined.push([first, last])
  }
  return intersection(joined, anyCodePoint)
}

export function unionOf (...sets: readonly CodePoints[]): CodePoints {
  return codePoints(...sets.flat())
}

export function complementOf (set: CodePoints): CodePoints {
  const starts = [0, ...set.map(([, last]) => last + 1)]
  return codePoints(...starts.flatMap((first, index): Array<[number, number]> => {
    const last = (set[index]?.[0] ?? LAST + 1) - 1
    return first <= last ? [[first, last]] : []
  }))
}

export function without (set: CodePoints, taken: CodePoints): CodePoints {
  return intersection(set, complementOf(taken))
}

export function intersection (left: CodePoints, right: CodePoints): CodePoints {
  return left.flatMap(([first, last]) => right.flatMap(([otherFirst, otherLast]): Array<[number, number]> => {
    const [from, to] = [Math.max(first, otherFirst), Math.min(last, otherLast)]
    return from <= to ? [[from, to]] : []
  }))
}

export function codePointsOf (text: string): CodePoints {
  return codePoints(...Array.from(text, (character): [number, number] => [character.codePointAt(0) ?? 0, character.codePointAt(0) ?? 0]))
}

/** One character of the set. */
export function utf8 (set: CodePoints): Expression {
  return paths(...set.flatMap(([first, last]) => pathsBetween(first, last)))
}

/** Where the number of bytes changes. */
const lengths: ReadonlyArray<readonly [last: number, bytes: number]> = [[0x7f, 1], [0x7ff, 2], [0xffff, 3], [LAST, 4]]

function pathsBetween (first: number, last: number): Path[] {
  const found: Path[] = []
  let start = first
  for (const [end, bytes] of lengths) {
    if (start > last) break
    if (start <= end) found.push(...sameLength(start, Math.min(last, end), bytes - 1))
    start = Math.max(start, end + 1)
  }
  return found
}

/** Cuts the range until all bytes but the first ones that differ are free. */
function sameLength (first: number, last: number, tail: number): Path[] {
  for (let free = 1; free <= tail; free++) {
    const mask = (1 << 6 * free) - 1
    if ((first & ~mask) === (last & ~mask)) continue
    if ((first & mask) !== 0) return [...sameLength(first, first | mask, tail), ...sameLength((first | mask) + 1, last, tail)]
    if ((last & mask) !== mask) return [...sameLength(first, (last & ~mask) - 1, tail), ...sameLength(last & ~mask, last, tail)]
  }
  const [low, high] = [bytesOf(first), bytesOf(last)]
  return [low.map((byte, place) => [byte, high[place] ?? byte])]
}

function bytesOf (code: number): number[] {
  return [...new TextEncoder().encode(String.fromCodePoint(code))]
}
