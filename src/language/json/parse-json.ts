/**
 * RFC 8259, strictly, into values that keep the order of keys and the spelling of numbers.
 *
 * A key that comes twice has its last value at its first position, as in Python.
 */
import { JsonNumber, type JsonObject, type JsonValue } from './json-value.js'

/** Deeper nesting is refused: a hostile body must not become a stack overflow here or in a later walk. */
export const maxJsonDepth = 512

export class JsonSyntaxError extends SyntaxError {
  /** UTF-16 offset into the text. */
  readonly position: number

  constructor (message: string, text: string, position: number) {
    const before = text.slice(0, position)
    const line = before.split('\n').length
    super(`${message} at line ${line}, column ${position - before.lastIndexOf('\n')}`)
    this.name = 'JsonSyntaxError'
    this.position = position
  }
}

/** @throws JsonSyntaxError */
export function parseJson (text: string): JsonValue {
  return new JsonParser(text).parseDocument()
}

const numberPattern = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
/** Everything from the space on but the quote and the backslash. */
const plainCharacters = /[ !#-[\]-\uffff]*/y
const whitespace = /[ \t\n\r]*/y
const fourHexDigits = /[0-9a-fA-F]{4}/y
const escapes: Record<string, string> = { '"': '"', '\\': '\\', '/': '/', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' }
const literals: ReadonlyArray<[text: string, value: null | boolean]> = [['true', true], ['false', false], ['null', null]]

class JsonParser {
  readonly #text: string
  #position = 0

  constructor (text: string) {
    this.#text = text
  }

  parseDocument (): JsonValue {
    const value = this.#value(0)
    this.#skip(whitespace)
    if (this.#position < this.#text.length) throw this.#unexpected('the end')
    return value
  }

  #value (depth: number): JsonValue {
    this.#skip(whitespace)
    const character = this.#text[this.#position]
    if (character === '"') return this.#string()
    if (character === '{' || character === '[') {
      if (depth >= maxJsonDepth) throw this.#error(`More than ${maxJsonDepth} levels of nesting`)
      return character === '{' ? this.#object(depth + 1) : this.#array(depth + 1)
    }
    for (const [literal, value] of literals) {
      if (!this.#text.startsWith(literal, this.#position)) continue
      this.#position += literal.length
      return value
    }
    const number = this.#skip(numberPattern)
    if (number === '') throw this.#unexpected('a value')
    return new JsonNumber(number)
  }

  #object (depth: number): JsonObject {
    const object: JsonObject = new Map()
    this.#position++
    if (this.#takesNext('}')) return object
    do {
      this.#skip(whitespace)
      if (this.#text[this.#position] !== '"') throw this.#unexpected('a key in double quotes')
      const key = this.#string()
      if (!this.#takesNext(':')) throw this.#unexpected("':'")
      object.set(key, this.#value(depth))
    } while (this.#takesNext(','))
    if (!this.#takesNext('}')) throw this.#unexpected("',' or '}'")
    return object
  }

  #array (depth: number): JsonValue[] {
    const array: JsonValue[] = []
    this.#position++
    if (this.#takesNext(']')) return array
    do array.push(this.#value(depth)); while (this.#takesNext(','))
    if (!this.#takesNext(']')) throw this.#unexpected("',' or ']'")
    return array
  }

  #string (): string {
    this.#position++
    let value = this.#skip(plainCharacters)
    while (this.#text[this.#position] !== '"') {
      if (this.#text[this.#position] !== '\\') throw this.#unexpected("'\"'")
      value += this.#escape() + this.#skip(plainCharacters)
    }
    this.#position++
    return value
  }

  #escape (): string {
    const letter = this.#text[++this.#position]
    const short = letter === undefined ? undefined : escapes[letter]
    if (letter !== 'u' && short === undefined) throw this.#unexpected('an escape')
    this.#position++
    if (short !== undefined) return short
    const digits = this.#skip(fourHexDigits)
    if (digits === '') throw this.#unexpected('four hexadecimal digits')
    return String.fromCharCode(Number.parseInt(digits, 16))
  }

  #takesNext (character: string): boolean {
    this.#skip(whitespace)
    if (this.#text[this.#position] !== character) return false
    this.#position++
    return true
  }

  /** Moves over what a sticky pattern matches here; returns it, or '' for no match. */
  #skip (pattern: RegExp): string {
    pattern.lastIndex = this.#position
    const start = this.#position
    if (pattern.test(this.#text)) this.#position = pattern.lastIndex
    return this.#text.slice(start, this.#position)
  }

  #unexpected (wanted: string): JsonSyntaxError {
    const codePoint = this.#text.codePointAt(this.#position)
    const found = codePoint === undefined ? 'Unexpected end' : `Unexpected ${JSON.stringify(String.fromCodePoint(codePoint))}`
    return this.#error(`${found} instead of ${wanted}`)
  }

  #error (message: string): JsonSyntaxError {
    return new JsonSyntaxError(message, this.#text, this.#position)
  }
}
