/** Schemas of the supported keywords, and a check of values against them that shares no code with the engine. */
import fc from 'fast-check'

export interface TestSchema {
  type?: 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean' | 'null'
  properties?: Record<string, TestSchema>
  required?: string[]
  additionalProperties?: boolean
  items?: TestSchema
  minItems?: number
  maxItems?: number
  minLength?: number
  maxLength?: number
  minimum?: number
  maximum?: number
  exclusiveMinimum?: number
  enum?: unknown[]
  anyOf?: TestSchema[]
}

const { schema } = fc.letrec<{ schema: TestSchema }>(tie => {
  const leaf: fc.Arbitrary<TestSchema> = fc.oneof(
    fc.constantFrom<TestSchema>({ type: 'boolean' }, { type: 'null' }, { type: 'number' }, { type: 'integer' }),
    fc.record({ minLength: fc.nat(3), more: fc.nat(6) }).map(({ minLength, more }): TestSchema => ({ type: 'string', minLength, maxLength: minLength + more })),
    fc.record({ type: fc.constantFrom('integer' as const, 'number' as const), minimum: fc.integer({ min: -2000, max: 2000 }), more: fc.nat(3000) }).map(({ type, minimum, more }): TestSchema => ({ type, minimum, maximum: minimum + more })),
    fc.integer({ min: -50, max: 1200 }).map((exclusiveMinimum): TestSchema => ({ type: 'number', exclusiveMinimum })),
    fc.array(fc.oneof(fc.string({ unit: 'grapheme' }), fc.integer(), fc.constant(null)), { minLength: 1, maxLength: 4 }).map((values): TestSchema => ({ enum: values }))
  )
  const array = fc.record({ items: tie('schema'), minItems: fc.nat(2), more: fc.nat(2) }).map(({ items, minItems, more }): TestSchema => ({ type: 'array', items, minItems, maxItems: minItems + more }))
  const object = fc.uniqueArray(fc.record({ name: fc.string({ minLength: 1, maxLength: 6, unit: 'grapheme' }), schema: tie('schema'), isRequired: fc.boolean() }), { minLength: 1, maxLength: 4, selector: ({ name }) => name })
    .map((members): TestSchema => ({
      type: 'object',
      properties: Object.fromEntries(members.map(({ name, schema }) => [name, schema])),
      required: members.filter(({ isRequired }) => isRequired).map(({ name }) => name),
      additionalProperties: false
    }))
  const anyOf = fc.array(tie('schema'), { minLength: 1, maxLength: 2 }).map((branches): TestSchema => ({ anyOf: branches }))
  return { schema: fc.oneof({ maxDepth: 3 }, leaf, object, array, anyOf) }
})

export const randomSchema = schema

export function isValid (value: unknown, schema: TestSchema): boolean {
  if (schema.anyOf !== undefined) return schema.anyOf.some(branch => isValid(value, branch))
  if (schema.enum !== undefined) return schema.enum.some(listed => JSON.stringify(listed) === JSON.stringify(value))
  return isValidOfType(value, schema)
}

function isValidOfType (value: unknown, schema: TestSchema): boolean {
  switch (schema.type) {
    case 'null': return value === null
    case 'boolean': return typeof value === 'boolean'
    case 'string': return typeof value === 'string' && isBetween(Array.from(value).length, schema.minLength, schema.maxLength)
    case 'integer': return Number.isInteger(value) && isBetween(Number(value), schema.minimum, schema.maximum)
    case 'number': return typeof value === 'number' && isBetween(value, schema.minimum, schema.maximum) && value > (schema.exclusiveMinimum ?? -Infinity)
    case 'array': return Array.isArray(value) && isBetween(value.length, schema.minItems, schema.maxItems) && value.every(item => isValid(item, schema.items ?? {}))
    case 'object': return isValidObject(value, schema)
    default: return true
  }
}

function isValidObject (value: unknown, { properties = {}, required = [], additionalProperties }: TestSchema): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  return required.every(name => Object.hasOwn(value, name)) && Object.entries(value).every(([name, member]) => {
    const declared = Object.hasOwn(properties, name) ? properties[name] : undefined
    return declared === undefined ? additionalProperties !== false : isValid(member, declared)
  })
}

function isBetween (value: number, least = -Infinity, most = Infinity): boolean {
  return value >= least && value <= most
}
