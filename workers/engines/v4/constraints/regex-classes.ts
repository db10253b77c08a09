/** The parts of a regular expression that stand for one character of a set: classes in brackets and escapes. */
import { anyCodePoint, type CodePoints, codePoints, codePointsOf, complementOf, unionOf } from './code-points.js'

export interface ReadClass {
  readonly set: CodePoints
  /** Just behind it. */
  readonly end: number
}

const digits = codePoints([0x30, 0x39])
const wordCharacters = unionOf(codePoints([0x41, 0x5a], [0x61, 0x7a]), digits, codePointsOf('_'))
const blanks = codePointsOf('\t\n\v\f\r \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000\ufeff')

const sets: ReadonlyMap<string, CodePoints> = new Map([
  ['d', digits], ['D', complementOf(digits)], ['w', wordCharacters], ['W', complementOf(wordCharacters)], ['s', blanks], ['S', complementOf(blanks)]
])
const controls: ReadonlyMap<string, CodePoints> = new Map(Object.entries({ t: '\t', n: '\n', r: '\r', f: '\f', v: '\v', 0: '\0' }).map(([letter, character]) => [letter, codePointsOf(character)]))

const hexadecimal = /^\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|u\{([0-9a-fA-F]{1,6})\})/
const property = /^\\([pP])\{([A-Za-z_]{1,40}(?:=[A-Za-z_]{1,40})?)\}/

export class CharacterClassReader {
  readonly #pattern: string
  readonly #refuse: (reason: string) => never

  constructor (pattern: string, refuse: (reason: string) => never) {
    this.#pattern = pattern
    this.#refuse = refuse
  }

  /** At a `[` or a `\`. */
  read (position: number): ReadClass {
    return this.#pattern[position] === '[' ? this.#readBrackets(position) : this.#readEscape(position, 'outside')
  }

  #readBrackets (start: number): ReadClass {
    const isNegated = this.#pattern[start + 1] === '^'
    let position = start + (isNegated ? 2 : 1)
    const parts: CodePoints[] = []
    while (this.#pattern[position] !== ']') {
      if (position >= this.#pattern.length) this.#refuse('a class that is not closed')
      const first = this.#readMember(position)
      position = first.end
      const isRange = this.#pattern[position] === '-' && this.#pattern[position + 1] !== ']' && position + 1 < this.#pattern.length
      if (!isRange) {
        parts.push(first.set)
        continue
      }
      const last = this.#readMember(position + 1)
      const [low, high] = [singleOf(first.set), singleOf(last.set)]
      if (low === null || high === null || low > high) this.#refuse(`the range ${this.#pattern.slice(start, last.end)}`)
      parts.push(codePoints([low, high]))
      position = last.end
    }
    const set = unionOf(...parts)
    return { set: isNegated ? complementOf(set) : set, end: position + 1 }
  }

  #readMember (position: number): ReadClass {
    if (this.#pattern[position] === '\\') return this.#readEscape(position, 'inside')
    const code = this.#pattern.codePointAt(position) ?? 0
    return { set: codePoints([code, code]), end: position + (code > 0xffff ? 2 : 1) }
  }

  #readEscape (position: number, place: 'inside' | 'outside'): ReadClass {
    const text = this.#pattern.slice(position, position + 96)
    const letter = text[1]
    if (letter === undefined) this.#refuse('a lone backslash')
    const known = sets.get(letter) ?? controls.get(letter)
    if (known !== undefined && !/^\\0\d/.test(text)) return { set: known, end: position + 2 }
    const long = this.#readLongEscape(text)
    if (long !== null) return { set: long.set, end: position + long.end }
    if (letter === 'b' && place === 'inside') return { set: codePoints([8, 8]), end: position + 2 }
    if (/[A-Za-z0-9]/.test(letter)) this.#refuse(`\\${letter}`)
    const code = this.#pattern.codePointAt(position + 1) ?? 0
    return { set: codePoints([code, code]), end: position + 1 + (code > 0xffff ? 2 : 1) }
  }

  #readLongEscape (text: string): ReadClass | null {
    const named = property.exec(text)
    if (named === null) return readHexadecimal(text)
    const [whole, letter, name = ''] = named
    const set = propertySet(name) ?? this.#refuse(`the property ${name}`)
    return { set: letter === 'P' ? complementOf(set) : set, end: whole.length }
  }
}

/** Digits of a code point. null: none such. */
function readHexadecimal (text: string): ReadClass | null {
  const found = hexadecimal.exec(text)
  if (found === null) return null
  const code = parseInt(found[1] ?? found[2] ?? found[3] ?? '', 16)
  return { set: codePoints([code, code]), end: found[0].length }
}

/** null: several characters, or none. */
function singleOf (set: CodePoints): number | null {
  const [range] = set
  return set.length === 1 && range !== undefined && range[0] === range[1] ? range[0] : null
}

const knownProperties = new Map<string, CodePoints>()

/** Asks this process's own tables; some tens of milliseconds, once for each name. null: there is no such property. */
function propertySet (name: string): CodePoints | null {
  const known = knownProperties.get(name)
  if (known !== undefined) return known
  let isMember: RegExp
  try {
    isMember = new RegExp(`^\\p{${name}}$`, 'u')
  } catch {
    return null
  }
  const ranges: Array<[number, number]> = []
  for (const [first, last] of anyCodePoint) {
    for (let code = first; code <= last; code++) {
      if (!isMember.test(String.fromCodePoint(code))) continue
      const before = ranges.at(-1)
      if (before !== undefined && before[1] === code - 1) before[1] = code
      else ranges.push([code, code])
    }
  }
  knownProperties.set(name, ranges)
  return ranges
}
