/**
 * JSON as a grammar (EBNF as xgrammar writes it). Between tokens of JSON at most one blank: a small model that may write
 * blanks without end does.
 */

/** A literal of the grammar. Everything but plain ASCII is written by its code point. */
export function literal (text: string): string {
  return `"${Array.from(text, character => {
    const code = character.codePointAt(0) ?? 0
    if (character === '"' || character === '\\') return `\\${character}`
    if (code >= 0x20 && code < 0x7f) return character
    return code > 0xffff ? `\\U${code.toString(16).padStart(8, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`
  }).join('')}"`
}

const tail = '[\\x80-\\xbf]'

/**
 * A code point within a string. xgrammar 0.1.27 takes a class of characters above ASCII for one of bytes, and a negated
 * class for any sequence that looks like UTF-8, so UTF-8 is spelled in bytes here (RFC 3629, section 4). Escaped
 * surrogates are left out.
 */
const char = [
  '[\\x20-\\x21\\x23-\\x5b\\x5d-\\x7e]',
  `[\\xc2-\\xdf] ${tail}`,
  `[\\xe0] [\\xa0-\\xbf] ${tail}`,
  `[\\xe1-\\xec\\xee-\\xef] ${tail} ${tail}`,
  `[\\xed] [\\x80-\\x9f] ${tail}`,
  `[\\xf0] [\\x90-\\xbf] ${tail} ${tail}`,
  `[\\xf1-\\xf3] ${tail} ${tail} ${tail}`,
  `[\\xf4] [\\x80-\\x8f] ${tail} ${tail}`,
  '"\\\\" ["\\\\/bfnrt]',
  '"\\\\u" [0-9a-cA-CefEF] [0-9a-fA-F] [0-9a-fA-F] [0-9a-fA-F]',
  '"\\\\u" [dD] [0-7] [0-9a-fA-F] [0-9a-fA-F]'
].join(' | ')

/**
 * Rules that every schema's grammar may use. A string is one rule with its characters written out: what may come is
 * known beforehand within a rule, and has to be tried token by token where a rule ends.
 */
export const jsonRules = [
  `char ::= ${char}`,
  'hex ::= [0-9a-fA-F]',
  `string ::= "\\"" (${char})* "\\""`,
  'comma ::= "," " "?',
  'colon ::= ":" " "?',
  'number ::= "-"? ("0" | [1-9] [0-9]{0,14}) ("." [0-9]{1,15})? ([eE] [+-]? [0-9]{1,2})?',
  'member ::= string colon value',
  'object ::= "{" (member (comma member)*)? "}"',
  'array ::= "[" (value (comma value)*)? "]"',
  'value ::= object | array | string | number | "true" | "false" | "null"'
]

const day31 = '("0" [1-9] | [1-2] [0-9] | "3" [0-1])'
const date = `[0-9]{4} "-" (("01" | "03" | "05" | "07" | "08" | "10" | "12") "-" ${day31} | ("04" | "06" | "09" | "11") "-" ("0" [1-9] | [1-2] [0-9] | "30") | "02-" ("0" [1-9] | "1" [0-9] | "2" [0-8]))`
const clock = '([0-1] [0-9] | "2" [0-3]) ":" [0-5] [0-9]'
const time = `${clock} ":" [0-5] [0-9] ("." [0-9]{1,6})? ("Z" | [+-] ${clock})`

/** Grammars of the contents of strings of a `format`; a 29 February is left out, as its year would have to be known. */
export const stringFormats: ReadonlyMap<string, string> = new Map([
  ['date', date],
  ['time', time],
  ['date-time', `${date} "T" ${time}`],
  ['uuid', 'hex{8} "-" hex{4} "-" hex{4} "-" hex{4} "-" hex{12}']
])
