/**
 * A JSON Schema as a grammar. xgrammar has a converter of its own, which drops keywords silently (pattern beside format,
 * not, uniqueItems, minLength beside enum …) and writes wrong rules for others (quotes in property names, control
 * characters in strings of a given length, decimal bounds), so only its grammar compiler is used.
 *
 * Objects hold the declared properties, in the order of the schema; where none are declared, any. That narrows an open
 * schema, and what comes out is valid under it.
 */
import { checkKeywords, countOf, isOfType, typesOf, type JsonType, type SchemaObject } from './check-schema.js'
import { ConstraintError } from './constraint-error.js'
import { jsonRules, literal, stringFormats } from './json-grammar.js'
import { integerGrammar, numberGrammar, type NumberBounds } from './number-grammar.js'
import { assertDisjoint } from './assert-disjoint.js'

const MAX_RULES = 5_000
const MAX_DEPTH = 100

/** @throws ConstraintError naming the path of what cannot be honoured */
export function schemaGrammar (schema: unknown): string {
  return new SchemaGrammar(schema).toString()
}

class SchemaGrammar {
  readonly #root: unknown
  readonly #rules: string[] = []
  readonly #references = new Map<string, string>()
  /** References on the way to the present one without anything written between. */
  readonly #opened: string[] = []
  #depth = 0

  constructor (schema: unknown) {
    this.#root = schema
    this.#rules.push(`root ::= ${this.#expression(schema, 'schema')}`)
  }

  toString (): string {
    return [...this.#rules, ...jsonRules].join('\n')
  }

  #rule (expression: string): string {
    const name = `r${this.#rules.length}`
    this.#rules.push(`${name} ::= ${expression}`)
    if (this.#rules.length > MAX_RULES) throw new ConstraintError('schema: it is too large')
    return name
  }

  /** Inside brackets: something was written before, so a reference may come again. */
  #inner (schema: unknown, where: string): string {
    const opened = this.#opened.splice(0)
    const name = this.#rule(this.#expression(schema, where))
    this.#opened.push(...opened)
    return name
  }

  #expression (schema: unknown, where: string): string {
    if (schema === true) return 'value'
    if (++this.#depth > MAX_DEPTH) throw new ConstraintError(`${where}: nested more than ${MAX_DEPTH} deep`)
    const keywords = checkKeywords(schema, where)
    const expression = this.#combined(keywords, where) ?? this.#listed(keywords, where) ?? this.#typed(keywords, where)
    this.#depth--
    return expression
  }

  #combined (keywords: SchemaObject, where: string): string | null {
    if ('$ref' in keywords) return this.#reference(keywords['$ref'], `${where}.$ref`)
    const name = ['anyOf', 'oneOf', 'allOf'].find(combiner => combiner in keywords)
    if (name === undefined) return null
    const branches: unknown = keywords[name]
    if (!Array.isArray(branches) || branches.length === 0) throw new ConstraintError(`${where}.${name}: must be a list of schemas`)
    if (name === 'allOf' && branches.length > 1) throw new ConstraintError(`${where}.allOf: more than one schema is not supported`)
    if (name === 'oneOf') assertDisjoint(branches, `${where}.oneOf`)
    return `(${branches.map((branch: unknown, index) => this.#rule(this.#expression(branch, `${where}.${name}[${index}]`))).join(' | ')})`
  }

  #reference (pointer: unknown, where: string): string {
    if (typeof pointer !== 'string' || !/^#(\/|$)/.test(pointer)) throw new ConstraintError(`${where}: only references within the schema (#/…) are supported`)
    if (this.#opened.includes(pointer)) throw new ConstraintError(`${where}: ${pointer} refers to itself`)
    const known = this.#references.get(pointer)
    if (known !== undefined) return known
    const target = resolve(this.#root, pointer, where)
    const place = this.#rules.length
    const name = this.#rule('')
    this.#references.set(pointer, name)
    this.#opened.push(pointer)
    this.#rules[place] = `${name} ::= ${this.#expression(target, pointer)}`
    this.#opened.pop()
    return name
  }

  #listed (keywords: SchemaObject, where: string): string | null {
    const list: unknown = 'const' in keywords ? [keywords['const']] : keywords['enum']
    if (list === undefined) return null
    if (!Array.isArray(list)) throw new ConstraintError(`${where}.enum: must be a list`)
    const types = typesOf(keywords, where)
    const values = list.filter(value => types === null || types.some(type => isOfType(value, type)))
    if (values.length === 0) throw new ConstraintError(`${where}: no value is allowed`)
    return `(${values.map(value => literal(JSON.stringify(value))).join(' | ')})`
  }

  #typed (keywords: SchemaObject, where: string): string {
    const types = typesOf(keywords, where)
    if (types === null) return 'value'
    const all = types.includes('number') ? types.filter(type => type !== 'integer') : types
    return `(${all.map(type => this.#ofType(type, keywords, where)).join(' | ')})`
  }

  #ofType (type: JsonType, keywords: SchemaObject, where: string): string {
    switch (type) {
      case 'null': return '"null"'
      case 'boolean': return '"true" | "false"'
      case 'integer': return integerGrammar(boundsOf(keywords, where), where)
      case 'number': return numberGrammar(boundsOf(keywords, where), where)
      case 'string': return stringGrammar(keywords, where)
      case 'array': return this.#array(keywords, where)
      case 'object': return this.#object(keywords, where)
    }
  }

  #array (keywords: SchemaObject, where: string): string {
    const least = countOf(keywords, 'minItems', 0, where)
    const most = countOf(keywords, 'maxItems', Infinity, where)
    if (least > most) throw new ConstraintError(`${where}.minItems: more than maxItems`)
    if (keywords['items'] === false && least > 0) throw new ConstraintError(`${where}.minItems: items is false`)
    if (most === 0 || keywords['items'] === false) return '"[]"'
    const item = this.#inner(keywords['items'] ?? true, `${where}.items`)
    const filled = `${item} (comma ${item})${repeat(Math.max(0, least - 1), most - 1)}`
    return least === 0 ? `"[" (${filled})? "]"` : `"[" ${filled} "]"`
  }

  #object (keywords: SchemaObject, where: string): string {
    const others = keywords['additionalProperties'] ?? true
    const required = requiredOf(keywords, where)
    const properties = new Map(propertiesOf(keywords, where).filter(([name, schema]) => {
      if (schema === false && required.has(name)) throw new ConstraintError(`${where}.properties.${name}: required, and false`)
      return schema !== false
    }))
    for (const name of required) {
      if (properties.has(name)) continue
      if (others === false) throw new ConstraintError(`${where}.required: ${name} is not among the properties`)
      properties.set(name, others)
    }
    if (properties.size === 0) return this.#map('properties' in keywords && Object.keys(Object(keywords['properties'])).length > 0 ? false : others, where)
    // From the last to the first: what may follow when nothing has been written yet, and when something has.
    let [first, next] = ['""', '""']
    for (const [name, schema] of [...properties].reverse()) {
      const member = `${literal(JSON.stringify(name))} colon ${this.#inner(schema, `${where}.properties.${name}`)}`
      const [begins, follows]: [string, string] = [`${member} ${next}`, `comma ${member} ${next}`]
      const isRequired = required.has(name)
      first = this.#rule(isRequired ? begins : `${begins} | ${first}`)
      next = this.#rule(isRequired ? follows : `${follows} | ${next}`)
    }
    return `"{" ${first} "}"`
  }

  #map (values: unknown, where: string): string {
    if (values === false) return '"{}"'
    const member = this.#rule(`string colon ${this.#inner(values, `${where}.additionalProperties`)}`)
    return `"{" (${member} (comma ${member})*)? "}"`
  }
}

function stringGrammar (keywords: SchemaObject, where: string): string {
  const least = countOf(keywords, 'minLength', 0, where)
  const most = countOf(keywords, 'maxLength', Infinity, where)
  if (least > most) throw new ConstraintError(`${where}.minLength: more than maxLength`)
  const { format } = keywords
  if (format === undefined) return most === 0 ? '"\\"\\""' : `"\\"" char${repeat(least, most)} "\\""`
  if ('minLength' in keywords || 'maxLength' in keywords) throw new ConstraintError(`${where}.format: not supported beside a length`)
  const contents = typeof format === 'string' ? stringFormats.get(format) : undefined
  if (contents === undefined) throw new ConstraintError(`${where}.format: ${JSON.stringify(format)} is not supported`)
  return `"\\"" ${contents} "\\""`
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

function repeat (least: number, most: number): string {
  if (most === Infinity) return least === 0 ? '*' : `{${least},}`
  return `{${least},${most}}`
}

/** The schema a JSON pointer in a fragment leads to (RFC 6901). */
function resolve (root: unknown, pointer: string, where: string): unknown {
  let target = root
  for (const part of pointer.split('/').slice(1)) {
    const name = decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~')
    if (typeof target !== 'object' || target === null || !Object.hasOwn(target, name)) throw new ConstraintError(`${where}: ${pointer} leads nowhere`)
    target = (target as SchemaObject)[name]
  }
  return target
}
