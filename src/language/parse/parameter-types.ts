/** What a tool's JSON Schema says about its parameters, as far as a parser of answers needs it. */
import type { ToolDefinition } from '../conversation.js'
import type { JsonObject, JsonValue } from '../json/json-value.js'
import { JsonNumber } from '../json/json-value.js'

/** The schema of each top-level parameter; null when the tool is unknown or names none. */
export function parametersOfTool (tool: ToolDefinition | undefined): JsonObject | null {
  if (!(tool?.parameters instanceof Map)) return null
  const properties = tool.parameters.get('properties')
  return properties instanceof Map ? properties : null
}

/** JSON Schema type names that a value may have; null when it may be anything. */
export function typesOf (schema: JsonValue | undefined): string[] | null {
  if (!(schema instanceof Map)) return null
  const type = schema.get('type')
  if (typeof type === 'string') return [type]
  if (Array.isArray(type)) return type.filter(name => typeof name === 'string')
  const branches = schema.get('anyOf') ?? schema.get('oneOf')
  if (Array.isArray(branches)) {
    const types = branches.map(typesOf)
    return types.some(names => names === null) ? null : types.flatMap(names => names ?? [])
  }
  const values = schema.get('enum')
  return Array.isArray(values) ? values.flatMap(value => typeNamesOf(value)) : null
}

const nonStringTypes = ['number', 'integer', 'boolean', 'array', 'object', 'null']

export function excludesStrings (types: string[] | null): types is string[] {
  return types !== null && types.some(name => name !== 'null') && types.every(name => nonStringTypes.includes(name))
}

/** All type names that this value satisfies. */
export function typeNamesOf (value: JsonValue): string[] {
  if (value === null) return ['null']
  if (value instanceof JsonNumber) return Number.isInteger(value.toNumber()) ? ['number', 'integer'] : ['number']
  if (Array.isArray(value)) return ['array']
  if (value instanceof Map) return ['object']
  return [typeof value]
}
