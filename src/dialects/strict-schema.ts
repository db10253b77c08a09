/**
 * The JSON Schemas that strict tools may have: DeepSeek's subset. What it refuses could not be kept to while writing,
 * and a promise that is not kept is worse than none.
 *
 * object, string, number, integer, boolean, array, null, enum, anyOf, $ref to $defs. Every property of an object is required, and none is
 * added. Strings: pattern and some formats, no lengths. Arrays: no lengths.
 */
import { GatewayError } from '../errors.js'

const types = new Set(['object', 'string', 'number', 'integer', 'boolean', 'array', 'null'])
const formats = new Set(['email', 'hostname', 'ipv4', 'ipv6', 'uuid'])
const everywhere = ['type', 'title', 'description', 'enum', 'const', 'default', 'examples', 'anyOf', '$ref', '$defs', '$def', 'definitions', '$schema', '$id', '$comment']
const keywordsOf: Record<string, readonly string[]> = {
  object: ['properties', 'required', 'additionalProperties'],
  string: ['pattern', 'format'],
  number: ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf'],
  integer: ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf'],
  array: ['items']
}
const deepest = 64

type SchemaObject = Record<string, unknown>

/**
 * `path` is where the schema stands in the request.
 *
 * @throws GatewayError invalid_value that names the place
 */
export function requireStrictSchema (schema: unknown, path: string): void {
  const root = asObject(schema, path)
  if (root['type'] !== 'object') refuse(`${path}.type`, "the schema of a strict function must be of type 'object'")
  check(root, { path, root, depth: 0 })
}

interface Place {
  path: string
  root: SchemaObject
  depth: number
}

function check (given: unknown, place: Place): void {
  const { path, root, depth } = place
  if (depth > deepest) refuse(path, `a schema may be ${deepest} deep`)
  const schema = asObject(given, path)
  const below = (step: string): Place => ({ path: `${path}.${step}`, root, depth: depth + 1 })
  const own = typesOf(schema, path)
  refuseUnknownKeywords(schema, own, path)
  if (own.includes('object')) checkObject(schema, below, path)
  if (own.includes('array')) {
    if (schema['items'] === undefined) refuse(path, 'an array must say what its items are')
    check(schema['items'], below('items'))
  }
  const { format } = schema
  if (format !== undefined && !(typeof format === 'string' && formats.has(format))) refuse(`${path}.format`, `format must be one of ${[...formats].join(', ')}`)
  checkReference(schema['$ref'], place)
  listOf(schema['anyOf'], `${path}.anyOf`).forEach((option, index) => { check(option, below(`anyOf[${index}]`)) })
  for (const word of ['$defs', '$def', 'definitions']) {
    if (schema[word] === undefined) continue
    for (const [name, definition] of Object.entries(asObject(schema[word], `${path}.${word}`))) check(definition, below(`${word}.${name}`))
  }
}

function checkObject (schema: SchemaObject, below: (step: string) => Place, path: string): void {
  const properties = schema['properties'] === undefined ? {} : asObject(schema['properties'], `${path}.properties`)
  if (schema['additionalProperties'] !== false) refuse(`${path}.additionalProperties`, 'every object must have additionalProperties: false')
  const required = new Set(listOf(schema['required'], `${path}.required`))
  for (const [name, property] of Object.entries(properties)) {
    if (!required.has(name)) refuse(`${path}.required`, `every property must be required, and '${name.slice(0, 80)}' is not`)
    check(property, below(`properties.${name}`))
  }
}

function typesOf (schema: SchemaObject, path: string): string[] {
  const { type } = schema
  if (type === undefined) {
    if (['anyOf', '$ref', 'enum', 'const'].some(word => schema[word] !== undefined)) return []
    return refuse(path, 'a type, anyOf, enum or $ref is needed')
  }
  const given = Array.isArray(type) ? type : [type]
  return given.map((word: unknown) => typeof word === 'string' && types.has(word) ? word : refuse(`${path}.type`, `type must be one of ${[...types].join(', ')}`))
}

function refuseUnknownKeywords (schema: SchemaObject, own: readonly string[], path: string): void {
  const allowed = new Set([...everywhere, ...own.flatMap(type => keywordsOf[type] ?? [])])
  const odd = Object.keys(schema).find(word => !allowed.has(word))
  if (odd !== undefined) refuse(`${path}.${odd}`, `'${odd.slice(0, 80)}' is not supported${own.length > 0 ? ` for type ${own.join(', ')}` : ' here'}`)
}

/** Only within the schema, and to something that is there. */
function checkReference (reference: unknown, { path, root }: Place): void {
  if (reference === undefined) return
  if (typeof reference !== 'string' || !/^#(\/|$)/.test(reference)) return refuse(`${path}.$ref`, '$ref must point into the schema itself')
  let node: unknown = root
  for (const step of reference.split('/').slice(1)) {
    const name = step.replaceAll('~1', '/').replaceAll('~0', '~')
    node = typeof node === 'object' && node !== null && Object.hasOwn(node, name) ? (node as SchemaObject)[name] : refuse(`${path}.$ref`, `${reference.slice(0, 80)} points to nothing`)
  }
}

function listOf (value: unknown, path: string): unknown[] {
  if (value === undefined) return []
  return Array.isArray(value) ? value : refuse(path, 'must be a list')
}

function asObject (value: unknown, path: string): SchemaObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value as SchemaObject : refuse(path, 'must be a schema object')
}

function refuse (path: string, reason: string): never {
  throw new GatewayError('invalid_value', `Invalid schema for a strict function: ${path}: ${reason}`, { parameter: path })
}
