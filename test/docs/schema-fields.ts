import type { Test } from 'tap'
import { z } from 'zod'
import { openApi, resolve, type Schema } from './openapi-document.js'

/** The fields of a body, as they are validated and as the document has them; and that the two are the same. */
export async function checkDocumented (t: Test, name: string, schema: z.ZodType, { moreThan }: { moreThan: number }): Promise<void> {
  await t.test(`${name} is documented as it is validated, field by field`, async t => {
    const validated = fieldsOf(z.toJSONSchema(schema, { io: 'input' }) as Schema)
    const documented = fieldsOf(openApi.components.schemas[name] ?? {})
    t.ok(validated.length > moreThan, String(validated.length))
    t.strictSame([...new Set(documented)].sort(), [...new Set(validated)].sort())
  })
}

/** Every field of a schema by its path, with what is asked of its value. */
function fieldsOf (given: Schema, path = ''): string[] {
  const schema = resolve(given)
  const variants = schema.anyOf ?? schema.oneOf
  if (variants !== undefined) return variants.filter(variant => resolve(variant).type !== 'null').flatMap(variant => fieldsOf(variant, path + discriminatorOf(variant)))
  if (schema.properties !== undefined) {
    const required = new Set(schema.required)
    return Object.entries(schema.properties).flatMap(([name, property]) => {
      const below = `${path}.${name}`
      return [`${below}${required.has(name) ? ' required' : ''}`, ...fieldsOf(property, below)]
    })
  }
  if (schema.items !== undefined) return [`${path}[]${limitsOf(schema)}`, ...fieldsOf(schema.items, `${path}[]`)]
  const types = [schema.type ?? 'any'].flat().filter(type => type !== 'null')
  const words = schema.const === undefined ? schema.enum ?? [] : [schema.const]
  return [`${path}: ${[...types, ...words].join(' ')}${limitsOf(schema)}`]
}

function limitsOf ({ minimum, maximum, exclusiveMinimum, maxItems, pattern }: Schema): string {
  const limits = { minimum: isSafeLimit(minimum), maximum: isSafeLimit(maximum), exclusiveMinimum, maxItems, pattern }
  return Object.entries(limits).filter(([, value]) => value !== undefined).map(([name, value]) => ` ${name}=${String(value)}`).join('')
}

/** zod says of every integer that it is a safe one. */
function isSafeLimit (limit: number | undefined): number | undefined {
  return limit === Number.MAX_SAFE_INTEGER || limit === Number.MIN_SAFE_INTEGER ? undefined : limit
}

function discriminatorOf (given: Schema): string {
  const { properties = {} } = resolve(given)
  const word = properties['role']?.const ?? properties['type']?.const
  return word === undefined ? '' : `<${String(word)}>`
}
