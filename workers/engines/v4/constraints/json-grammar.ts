/**
 * JSON as a grammar. Between tokens of JSON at most one blank: a small model that may write blanks without end does.
 */
import { anyCodePoint, type CodePoints, codePoints, codePointsOf, intersection, utf8, without } from './code-points.js'
import { call, choice, type Expression, literal, optional, paths, repeat, sequence } from './expression.js'
import { integerGrammar, numberGrammar } from './number-grammar.js'

/**
 * Which characters a JSON text may spell as themselves. Beside tool calls the full-width bar of tool markup is only
 * written as an escape, so that no string can be read as a call.
 */
export type JsonSpelling = 'any' | 'without bars'

const bar = '\uff5c'
const controls = codePoints([0, 0x1f])
const named: ReadonlyArray<[character: string, escape: string]> = [['"', '\\"'], ['\\', '\\\\'], ['\b', '\\b'], ['\f', '\\f'], ['\n', '\\n'], ['\r', '\\r'], ['\t', '\\t']]
const escaped = codePointsOf(named.map(([character]) => character).join(''))

/** What stands for itself within a string. */
function plain (set: CodePoints, spelling: JsonSpelling): CodePoints {
  const open = without(set, controls)
  return without(open, spelling === 'any' ? escaped : codePointsOf(`${bar}"\\`))
}

/** A character of the set within a string, in its shortest spelling. */
export function jsonCharacter (set: CodePoints, spelling: JsonSpelling): Expression {
  const needed = intersection(set, spelling === 'any' ? controls : codePoints([0, 0x1f], [0xff5c, 0xff5c]))
  const escapes = [
    ...named.filter(([character]) => intersection(set, codePointsOf(character)).length > 0).map(([, escape]) => escape),
    ...needed.flatMap(([first, last]) => Array.from({ length: last - first + 1 }, (_, index) => `\\u${(first + index).toString(16).padStart(4, '0')}`))
  ]
  return choice(utf8(plain(set, spelling)), literal(...escapes))
}

const hex = paths([[0x30, 0x39]], [[0x41, 0x46]], [[0x61, 0x66]])

/** Any character within a string, in any spelling but that of half a character. */
function anyCharacter (spelling: JsonSpelling): Expression {
  return choice(
    utf8(plain(anyCodePoint, spelling)),
    sequence(literal('\\'), paths(...Array.from('"\\/bfnrt', character => [[character.charCodeAt(0), character.charCodeAt(0)] as const]))),
    sequence(literal('\\u'), choice(
      sequence(paths([[0x30, 0x39]], [[0x41, 0x43]], [[0x45, 0x46]], [[0x61, 0x63]], [[0x65, 0x66]]), hex, hex, hex),
      sequence(literal('d', 'D'), paths([[0x30, 0x37]]), hex, hex)
    ))
  )
}

/** A value as JSON. */
export function jsonLiteral (value: unknown, spelling: JsonSpelling): string {
  const text = JSON.stringify(value)
  return spelling === 'any' ? text : text.replaceAll(bar, '\\uff5c')
}

const unbounded = { minimum: -Infinity, maximum: Infinity, excludesMinimum: false, excludesMaximum: false }
const anyNumber = numberGrammar(unbounded, 'number')
const anyInteger = integerGrammar(unbounded, 'integer')

/** Rules that every grammar may call. */
export function jsonRules (spelling: JsonSpelling): Array<[name: string, rule: Expression]> {
  const list = (open: string, item: Expression, close: string): Expression =>
    sequence(literal(open), optional(sequence(item, repeat(sequence(call('comma'), item), 0, Infinity))), literal(close))
  return [
    ['character', anyCharacter(spelling)],
    ['string', sequence(literal('"'), repeat(anyCharacter(spelling), 0, Infinity), literal('"'))],
    ['comma', literal(',', ', ')],
    ['colon', literal(':', ': ')],
    ['number', anyNumber],
    ['integer', anyInteger],
    ['member', sequence(call('string'), call('colon'), call('value'))],
    ['object', list('{', call('member'), '}')],
    ['array', list('[', call('value'), ']')],
    ['other value', choice(call('object'), call('array'), call('number'), literal('true', 'false', 'null'))],
    ['value', choice(call('string'), call('other value'))]
  ]
}
