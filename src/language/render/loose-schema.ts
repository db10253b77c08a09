/** What a tool's schema says of keys and types, for calls that are not promised to keep all of it. */
import type { JsonObject, JsonValue } from '../json/json-value.js'

const types = ['object', 'array', 'string', 'number', 'integer', 'boolean', 'null']
const deepest = 32

/** Says no more than any grammar can hold; what it does not know is left open. */
export function looseSchema (parameters: JsonValue | null): JsonObject {
  if (parameters === null) return new Map<string, JsonValue>([['type', 'object'], ['properties', new Map()], ['additionalProperties', false]])
  const loose = loosen(parameters, 0)
  // A name that would not be one in a tag leaves all names open.
  const properties = loose instanceof Map ? loose.get('properties') : undefined
  const isWritable = properties instanceof Map && loose instanceof Map && loose.get('type') === 'object' && Array.from(properties.keys()).every(name => !/["\uff5c]/.test(name) && name.length <= 200)
  return isWritable ? loose : new Map([['type', 'object']])
}

function loosen (schema: JsonValue, depth: number): JsonValue {
  if (!(schema instanceof Map) || depth > deepest) return true
  const branches = schema.get('anyOf') ?? schema.get('oneOf')
  if (Array.isArray(branches) && branches.length > 0) return new Map([['anyOf', branches.map(branch => loosen(branch, depth + 1))]])
  const type = schema.get('type')
  if (Array.isArray(type)) return loosenTypes(type)
  if (typeof type !== 'string' || !types.includes(type)) return true
  return new Map<string, JsonValue>([['type', type], ...listed(schema), ...parts(schema, type, depth)])
}

function loosenTypes (given: readonly JsonValue[]): JsonValue {
  const known = types.filter(type => given.includes(type))
  return known.length === 0 || known.length < given.length ? true : new Map([['type', known]])
}

/** Words to choose from are as good as a type. */
function listed (schema: JsonObject): Array<[string, JsonValue]> {
  const values = schema.get('enum')
  return Array.isArray(values) && values.length > 0 && schema.get('type') === 'string' && values.every(value => typeof value === 'string' && !value.includes('\uff5c')) ? [['enum', values]] : []
}

function parts (schema: JsonObject, type: string, depth: number): Array<[string, JsonValue]> {
  if (type === 'array') return [['items', loosen(schema.get('items') ?? true, depth + 1)]]
  const properties = schema.get('properties')
  if (type !== 'object' || !(properties instanceof Map)) return []
  const required = schema.get('required')
  return [
    ['properties', new Map(Array.from(properties, ([name, member]) => [name, loosen(member, depth + 1)]))],
    ['required', Array.isArray(required) ? required.filter(name => typeof name === 'string' && properties.has(name)) : []],
    ['additionalProperties', false]
  ]
}
