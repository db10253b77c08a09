/** `oneOf` allows what fits exactly one of its schemas; a grammar only knows "any of", so no value may fit two. */
import { ConstraintError } from './constraint-error.js'
import { isOfType, type JsonType, type SchemaObject } from './check-schema.js'

/** Told by types, by listed values, or by a required property whose listed values differ. @throws ConstraintError */
export function assertDisjoint (branches: readonly unknown[], where: string): void {
  branches.forEach((one, index) => {
    const other = branches.slice(0, index).findIndex(earlier => !areDisjoint(one, earlier))
    if (other >= 0) throw new ConstraintError(`${where}: schemas ${other} and ${index} are not told apart by type or by a required constant; anyOf is supported`)
  })
}

function areDisjoint (one: unknown, other: unknown): boolean {
  if (!isOfType(one, 'object') || !isOfType(other, 'object')) return false
  const [left, right] = [one as SchemaObject, other as SchemaObject]
  const [leftValues, rightValues] = [valuesOf(left), valuesOf(right)]
  if (leftValues !== null && rightValues !== null) return !leftValues.some(value => rightValues.includes(value))
  const [leftTypes, rightTypes] = [broadTypes(left), broadTypes(right)]
  if (leftTypes !== null && rightTypes !== null && !leftTypes.some(type => rightTypes.includes(type))) return true
  return tagsOf(left).some(([name, values]) => tagsOf(right).some(([otherName, otherValues]) => name === otherName && !values.some(value => otherValues.includes(value))))
}

/** Listed values by their spelling; null = not listed. */
function valuesOf (schema: unknown): string[] | null {
  if (!isOfType(schema, 'object')) return null
  const keywords = schema as SchemaObject
  const list: unknown = 'const' in keywords ? [keywords['const']] : keywords['enum']
  return Array.isArray(list) ? list.map(value => JSON.stringify(value)) : null
}

function broadTypes ({ type }: SchemaObject): JsonType[] | null {
  if (type === undefined) return null
  const listed = (Array.isArray(type) ? type : [type]) as JsonType[]
  return listed.map(name => name === 'integer' ? 'number' : name)
}

/** Only where both are objects does the property tell them apart. */
function tagsOf ({ type, properties, required }: SchemaObject): Array<[string, string[]]> {
  if (type !== 'object' || !isOfType(properties, 'object') || !Array.isArray(required)) return []
  return Object.entries(properties as SchemaObject).flatMap(([name, schema]): Array<[string, string[]]> => {
    const values = valuesOf(schema)
    return values === null || !required.includes(name) ? [] : [[name, values]]
  })
}
