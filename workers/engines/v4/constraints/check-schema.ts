/**
 * Which keywords of JSON Schema can be honoured. Whatever is neither honoured nor a remark is refused by name: output
 * that breaks a rule the caller wrote down would be worse than none.
 */
import { ConstraintError } from './constraint-error.js'

export type JsonType = 'object' | 'array' | 'string' | 'number' | 'integer' | 'boolean' | 'null'
export type SchemaObject = Readonly<Record<string, unknown>>

const remarks = new Set(['title', 'description', 'default', 'examples', 'deprecated', 'readOnly', 'writeOnly', '$schema', '$id', '$comment', '$defs', 'definitions'])

/** Each of these stands alone: beside one, only remarks are understood. */
const combiners = ['$ref', 'anyOf', 'oneOf', 'allOf']

const keywordTypes: Readonly<Record<string, readonly JsonType[]>> = {
  properties: ['object'],
  required: ['object'],
  additionalProperties: ['object'],
  items: ['array'],
  minItems: ['array'],
  maxItems: ['array'],
  minLength: ['string'],
  maxLength: ['string'],
  pattern: ['string'],
  format: ['string'],
  minimum: ['number'],
  maximum: ['number'],
  exclusiveMinimum: ['number'],
  exclusiveMaximum: ['number']
}

const known = new Set([...combiners, ...Object.keys(keywordTypes), 'type', 'enum', 'const'])

const everyType: readonly JsonType[] = ['object', 'array', 'string', 'number', 'integer', 'boolean', 'null']

/**
 * Looks at one level of a schema.
 * @param where the path of it, for messages
 * @returns its keywords
 * @throws ConstraintError for a keyword that cannot be honoured
 */
export function checkKeywords (schema: unknown, where: string): SchemaObject {
  if (typeof schema !== 'object' || schema === null || Array.isArray(schema)) throw new ConstraintError(`${where}: a schema must be an object or true`)
  const keywords = schema as SchemaObject
  const asserting = Object.keys(keywords).filter(name => !isRemark(name, keywords[name]))
  const unknown = asserting.find(name => !known.has(name))
  if (unknown !== undefined) throw new ConstraintError(`${where}.${unknown}: this keyword is not supported`)
  const alone = combiners.find(name => name in keywords)
  const beside = alone === undefined ? undefined : asserting.find(name => name !== alone)
  if (beside !== undefined) throw new ConstraintError(`${where}.${beside}: not supported beside ${alone}`)
  checkValueList(keywords, asserting, where)
  return keywords
}

function isRemark (name: string, value: unknown): boolean {
  return remarks.has(name) || name.startsWith('x-') || (name === 'uniqueItems' && value === false)
}

function checkValueList (keywords: SchemaObject, asserting: readonly string[], where: string): void {
  const list = ['enum', 'const'].find(name => name in keywords)
  const beside = list === undefined ? undefined : asserting.find(name => name !== list && name !== 'type')
  if (beside !== undefined) throw new ConstraintError(`${where}.${beside}: not supported beside ${list}`)
}

/** The types a value may have. Without `type`, those that the other keywords speak of; null = any. */
export function typesOf (keywords: SchemaObject, where: string): JsonType[] | null {
  const { type } = keywords
  if (type === undefined) {
    const spoken = new Set(Object.keys(keywords).flatMap(name => keywordTypes[name] ?? []))
    return spoken.size === 0 ? null : [...spoken]
  }
  const listed: unknown[] = Array.isArray(type) ? type : [type]
  const types = everyType.filter(name => listed.includes(name))
  if (listed.length === 0 || types.length !== new Set(listed).size) throw new ConstraintError(`${where}.type: ${JSON.stringify(type)} is no type`)
  return types
}

/** An integer from 0 on. @throws ConstraintError */
export function countOf (keywords: SchemaObject, name: string, fallback: number, where: string): number {
  const value = keywords[name] ?? fallback
  if (value === Infinity) return Infinity
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0) throw new ConstraintError(`${where}.${name}: must be an integer from 0 on`)
  // Each repetition is a state of the grammar.
  if (value > 10_000) throw new ConstraintError(`${where}.${name}: more than 10000 is not supported`)
  return value
}

export function isOfType (value: unknown, type: JsonType): boolean {
  switch (type) {
    case 'null': return value === null
    case 'array': return Array.isArray(value)
    case 'object': return typeof value === 'object' && value !== null && !Array.isArray(value)
    case 'integer': return Number.isInteger(value)
    case 'number': return typeof value === 'number'
    case 'string': return typeof value === 'string'
    case 'boolean': return typeof value === 'boolean'
  }
}
