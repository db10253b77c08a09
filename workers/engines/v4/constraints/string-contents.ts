/** What a schema says about the characters of a string, whatever spells them. */
import { countOf, type SchemaObject } from './check-schema.js'
import { type CodePoints } from './code-points.js'
import { ConstraintError } from './constraint-error.js'
import { type Expression } from './expression.js'
import { regexGrammar } from './regex-grammar.js'
import { stringFormats } from './string-formats.js'

export type StringContents = { characters: { least: number, most: number } } | { pattern: Expression }

/**
 * @param spell one character of a set
 * @returns null when any string is allowed
 * @throws ConstraintError
 */
export function stringContents (keywords: SchemaObject, spell: (set: CodePoints) => Expression, where: string): StringContents | null {
  const rules = ['pattern', 'format'].filter(name => name in keywords)
  const [rule] = rules
  const hasLength = 'minLength' in keywords || 'maxLength' in keywords
  if (rule === undefined) return hasLength ? { characters: lengthOf(keywords, where) } : null
  if (hasLength) throw new ConstraintError(`${where}.${rule}: not supported beside a length`)
  if (rules.length > 1) throw new ConstraintError(`${where}.pattern: not supported beside a format`)
  const text = keywords[rule]
  if (typeof text !== 'string') throw new ConstraintError(`${where}.${rule}: must be a string`)
  if (rule === 'pattern') return { pattern: regexGrammar(text, { spell, match: 'search', where: `${where}.pattern` }) }
  const format = stringFormats.get(text)
  if (format === undefined) throw new ConstraintError(`${where}.format: ${JSON.stringify(text)} is not supported`)
  return { pattern: regexGrammar(format, { spell, match: 'whole', where: `${where}.format` }) }
}

function lengthOf (keywords: SchemaObject, where: string): { least: number, most: number } {
  const least = countOf(keywords, 'minLength', 0, where)
  const most = countOf(keywords, 'maxLength', Infinity, where)
  if (least > most) throw new ConstraintError(`${where}.minLength: more than maxLength`)
  return { least, most }
}
