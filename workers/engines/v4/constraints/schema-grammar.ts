/**
 * A JSON Schema as a grammar of JSON.
 *
 * Objects hold the declared properties, in the order of the schema; where none are declared, any. That narrows an open
 * schema, and what comes out is valid under it.
 */
import { assertDisjoint } from './assert-disjoint.js'
import { checkKeywords, countOf, isOfType, type JsonType, type SchemaObject, typesOf } from './check-schema.js'
import { ConstraintError } from './constraint-error.js'
import { call, choice, type Expression, literal, optional, repeat, sequence } from './expression.js'
import { jsonCharacter, jsonLiteral } from './json-grammar.js'
import { integerGrammar, numberGrammar, type NumberBounds } from './number-grammar.js'
import { type RuleBook } from './rule-book.js'
import { stringContents } from './string-contents.js'

const MAX_DEPTH = 100

export class SchemaGrammar {
  readonly #root: unknown
  readonly #book: RuleBook
  readonly #references = new Map<string, string>()
  /** References on the way to the present one without anything written between. */
  readonly #opened: string[] = []
  #depth = 0

  /** @param root where references lead */
  constructor (root: unknown, book: RuleBook) {
    this.#root = root
    this.#book = book
  }

  /** @throws ConstraintError naming the path of what cannot be honoured */
  value (schema: unknown, where: string): Expression {
    if (schema === true) return call('value')
    return this.#nested(where, () => {
      const keywords = checkKeywords(schema, where)
      return this.#combined(keywords, where) ?? this.#listed(keywords, where) ?? this.#typed(keywords, where)
    })
  }

  /** What a value of one of these types may be. */
  ofType (type: JsonType, keywords: SchemaObject, where: string): Expression {
    switch (type) {
      case 'null': return literal('null')
      case 'boolean': return literal('true', 'false')
      case 'integer':
      case 'number': return this.#number(type, keywords, where)
      case 'string': return this.#string(keywords, where)
      case 'array': return this.#array(keywords, where)
      case 'object': return this.#object(keywords, where)
    }
  }

  /** The schema a reference within the root leads to. */
  resolve (pointer: unknown, where: string): { pointer: string, schema: unknown } {
    if (typeof pointer !== 'string' || !/^#(\/|$)/.test(pointer)) throw new ConstraintError(`${where}: only references within the schema (#/…) are supported`)
    return { pointer, schema: resolve(this.#root, pointer, where) }
  }

  #nested (where: string, write: () => Expression): Expression {
    if (++this.#depth > MAX_DEPTH) throw new ConstraintError(`${where}: nested more than ${MAX_DEPTH} deep`)
    const expression = write()
    this.#depth--
    return expression
  }

  /** Inside brackets: something was written before, so a reference may come again. */
  #inner (schema: unknown, where: string): Expression {
    const opened = this.#opened.splice(0)
    const rule = this.#book.add(this.value(schema, where))
    this.#opened.push(...opened)
    return rule
  }

  #combined (keywords: SchemaObject, where: string): Expression | null {
    if ('$ref' in keywords) return this.#reference(keywords['$ref'], `${where}.$ref`)
    const branches = branchesOf(keywords, where)
    return branches === null ? null : choice(...branches.map(({ schema, where }) => this.#book.add(this.value(schema, where))))
  }

  #reference (given: unknown, where: string): Expression {
    const { pointer, schema } = this.resolve(given, where)
    if (this.#opened.includes(pointer)) throw new ConstraintError(`${where}: ${pointer} refers to itself`)
    const known = this.#references.get(pointer)
    if (known !== undefined) return call(known)
    const name = this.#book.reserve()
    this.#references.set(pointer, name)
    this.#opened.push(pointer)
    this.#book.rules.set(name, this.value(schema, pointer))
    this.#opened.pop()
    return call(name)
  }

  #listed (keywords: SchemaObject, where: string): Expression | null {
    const values = listedValues(keywords, where)
    return values === null ? null : literal(...values.map(value => jsonLiteral(value, this.#book.spelling)))
  }

  #typed (keywords: SchemaObject, where: string): Expression {
    const types = distinctTypes(keywords, where)
    return types === null ? call('value') : choice(...types.map(type => this.ofType(type, keywords, where)))
  }

  #number (type: 'integer' | 'number', keywords: SchemaObject, where: string): Expression {
    const bounds = boundsOf(keywords, where)
    if (bounds.minimum === -Infinity && bounds.maximum === Infinity) return call(type)
    return type === 'integer' ? integerGrammar(bounds, where) : numberGrammar(bounds, where)
  }

  #string (keywords: SchemaObject, where: string): Expression {
    const contents = stringContents(keywords, set => jsonCharacter(set, this.#book.spelling), where)
    if (contents === null) return call('string')
    return sequence(literal('"'), 'characters' in contents ? repeat(call('character'), contents.characters.least, contents.characters.most) : contents.pattern, literal('"'))
  }

  #array (keywords: SchemaObject, where: string): Expression {
    const least = countOf(keywords, 'minItems', 0, where)
    const most = countOf(keywords, 'maxItems', Infinity, where)
    if (least > most) throw new ConstraintError(`${where}.minItems: more than maxItems`)
    if (keywords['items'] === false && least > 0) throw new ConstraintError(`${where}.minItems: items is false`)
    if (most === 0 || keywords['items'] === false) return literal('[]')
    const item = this.#inner(keywords['items'] ?? true, `${where}.items`)
    const filled = sequence(item, repeat(sequence(call('comma'), item), Math.max(0, least - 1), most - 1))
    return sequence(literal('['), least === 0 ? optional(filled) : filled, literal(']'))
  }

  #object (keywords: SchemaObject, where: string): Expression {
    const { members, others } = membersOf(keywords, where)
    if (members.length === 0) return this.#map(others, where)
    // From the last to the first: what may follow when nothing has been written yet, and when something has.
    let [first, next]: [Expression, Expression] = [literal(''), literal('')]
    for (const { name, schema, isRequired } of members.toReversed()) {
      const member = sequence(literal(jsonLiteral(name, this.#book.spelling)), call('colon'), this.#inner(schema, `${where}.properties.${name}`))
      const [begins, follows] = [sequence(member, next), sequence(call('comma'), member, next)]
      first = this.#book.add(isRequired ? begins : choice(begins, first))
      next = this.#book.add(isRequired ? follows : choice(follows, next))
    }
    return sequence(literal('{'), first, literal('}'))
  }

  #map (values: unknown, where: string): Expression {
    if (values === false) return literal('{}')
    const member = this.#book.add(sequence(call('string'), call('colon'), this.#inner(values, `${where}.additionalProperties`)))
    return sequence(literal('{'), optional(sequence(member, repeat(sequence(call('comma'), member), 0, Infinity))), literal('}'))
  }
}

/** The schemas of anyOf, oneOf or an allOf of one; null = none of them is there. */
export function branchesOf (keywords: SchemaObject, where: string): Array<{ schema: unknown, where: string }> | null {
  const name = ['anyOf', 'oneOf', 'allOf'].find(combiner => combiner in keywords)
  if (name === undefined) return null
  const branches: unknown = keywords[name]
  if (!Array.isArray(branches) || branches.length === 0) throw new ConstraintError(`${where}.${name}: must be a list of schemas`)
  if (name === 'allOf' && branches.length > 1) throw new ConstraintError(`${where}.allOf: more than one schema is not supported`)
  if (name === 'oneOf') assertDisjoint(branches, `${where}.oneOf`)
  return branches.map((schema: unknown, index) => ({ schema, where: `${where}.${name}[${index}]` }))
}

/** Those of enum or const that have the type; null = nothing is listed. */
export function listedValues (keywords: SchemaObject, where: string): unknown[] | null {
  const list: unknown = 'const' in keywords ? [keywords['const']] : keywords['enum']
  if (list === undefined) return null
  if (!Array.isArray(list)) throw new ConstraintError(`${where}.enum: must be a list`)
  const types = typesOf(keywords, where)
  const values = list.filter(value => types === null || types.some(type => isOfType(value, type)))
  if (values.length === 0) throw new ConstraintError(`${where}: no value is allowed`)
  return values
}

/** Every integer is a number. */
export function distinctTypes (keywords: SchemaObject, where: string): JsonType[] | null {
  const types = typesOf(keywords, where)
  return types?.includes('number') === true ? types.filter(type => type !== 'integer') : types
}

export interface Member {
  readonly name: string
  readonly schema: unknown
  readonly isRequired: boolean
}

/** The properties an object may have, and without any the schema of those it may have all the same. */
export function membersOf (keywords: SchemaObject, where: string): { members: Member[], others: unknown } {
  const others = keywords['additionalProperties'] ?? true
  const required = requiredOf(keywords, where)
  const declared = propertiesOf(keywords, where)
  const properties = new Map(declared.filter(([name, schema]) => {
    if (schema === false && required.has(name)) throw new ConstraintError(`${where}.properties.${name}: required, and false`)
    return schema !== false
  }))
  for (const name of required) {
    if (properties.has(name)) continue
    if (others === false) throw new ConstraintError(`${where}.required: ${name} is not among the properties`)
    properties.set(name, others)
  }
  return {
    members: Array.from(properties, ([name, schema]) => ({ name, schema, isRequired: required.has(name) })),
    others: declared.length > 0 ? false : others
  }
}

function boundsOf (keywords: SchemaObject, where: string): NumberBounds {
  const bound = (name: string, fallback: number): number => {
    const value = keywords[name] ?? fallback
    if (typeof value !== 'number') throw new ConstraintError(`${where}.${name}: must be a number`)
    return value
  }
  const [minimum, above] = [bound('minimum', -Infinity), bound('exclusiveMinimum', -Infinity)]
  const [maximum, below] = [bound('maximum', Infinity), bound('exclusiveMaximum', Infinity)]
  return {
    minimum: Math.max(minimum, above),
    maximum: Math.min(maximum, below),
    excludesMinimum: above > -Infinity && above >= minimum,
    excludesMaximum: below < Infinity && below <= maximum
  }
}

function propertiesOf (keywords: SchemaObject, where: string): Array<[string, unknown]> {
  const properties = keywords['properties'] ?? {}
  if (!isOfType(properties, 'object')) throw new ConstraintError(`${where}.properties: must be an object`)
  return Object.entries(properties)
}

function requiredOf (keywords: SchemaObject, where: string): Set<string> {
  const required: unknown = keywords['required'] ?? []
  if (!Array.isArray(required) || !required.every(name => typeof name === 'string')) throw new ConstraintError(`${where}.required: must be a list of names`)
  return new Set(required)
}

/** The schema a JSON pointer in a fragment leads to (RFC 6901). */
function resolve (root: unknown, pointer: string, where: string): unknown {
  let target = root
  for (const part of pointer.split('/').slice(1)) {
    const name = decoded(part)?.replaceAll('~1', '/').replaceAll('~0', '~')
    if (name === undefined || typeof target !== 'object' || target === null || !Object.hasOwn(target, name)) throw new ConstraintError(`${where}: ${pointer} leads nowhere`)
    target = (target as SchemaObject)[name]
  }
  return target
}

function decoded (part: string): string | undefined {
  try {
    return decodeURIComponent(part)
  } catch {
    return undefined
  }
}
