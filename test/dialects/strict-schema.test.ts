import t from 'tap'
import { requireStrictSchema } from '../../src/dialects/strict-schema.js'

const closed = (properties: object, more: object = {}): object => ({ type: 'object', properties, required: Object.keys(properties), additionalProperties: false, ...more })

for (const [name, schema] of [
  ['nothing in it', closed({})],
  ['every type', closed({ s: { type: 'string', pattern: '^a', format: 'uuid' }, n: { type: 'number', minimum: 0, exclusiveMaximum: 9, multipleOf: 0.5 }, i: { type: 'integer', const: 4 }, b: { type: 'boolean', default: true }, a: { type: 'array', items: { type: 'string' } }, e: { enum: ['x', 1, null] } })],
  ['what may be missing', closed({ s: { type: ['string', 'null'], description: 'd' }, u: { anyOf: [{ type: 'string' }, { type: 'null' }] } })],
  ['objects within', closed({ o: closed({ a: { type: 'array', items: closed({ x: { type: 'integer' } }) } }) })],
  ['references', closed({ a: { $ref: '#/$defs/node' } }, { $defs: { node: closed({ next: { anyOf: [{ $ref: '#/$defs/node' }, { type: 'null' }] } }) } })],
  ['a property named like a keyword', closed({ oneOf: { type: 'string' }, __proto__x: { type: 'string' } })]
] as const) {
  await t.test(`taken: ${name}`, async t => {
    t.doesNotThrow(() => requireStrictSchema(schema, 'p'))
  })
}

for (const [name, schema, parameter] of [
  ['no object', { type: 'string' }, 'p.type'],
  ['an open object', { type: 'object', properties: {}, required: [] }, 'p.additionalProperties'],
  ['an optional property', { ...closed({ a: { type: 'string' } }), required: [] }, 'p.required'],
  ['a length', closed({ a: { type: 'string', minLength: 1 } }), 'p.properties.a.minLength'],
  ['a number of items', closed({ a: { type: 'array', items: { type: 'string' }, maxItems: 2 } }), 'p.properties.a.maxItems'],
  ['items of any kind', closed({ a: { type: 'array' } }), 'p.properties.a'],
  ['an unknown format', closed({ a: { type: 'string', format: 'date-time' } }), 'p.properties.a.format'],
  ['oneOf', closed({ a: { oneOf: [{ type: 'string' }] } }), 'p.properties.a'],
  ['no type at all', closed({ a: {} }), 'p.properties.a'],
  ['an unknown type', closed({ a: { type: 'date' } }), 'p.properties.a.type'],
  ['an open object within', closed({ a: closed({ b: { type: 'object' } }) }), 'p.properties.a.properties.b.additionalProperties'],
  ['a reference elsewhere', closed({ a: { $ref: 'https://example.org/x' } }), 'p.properties.a.$ref'],
  ['a reference to nothing', closed({ a: { $ref: '#/$defs/x' } }), 'p.properties.a.$ref'],
  ['a fault in a definition', closed({}, { $defs: { x: { type: 'string', maxLength: 2 } } }), 'p.$defs.x.maxLength'],
  ['a fault in an alternative', closed({ a: { anyOf: [{ type: 'string' }, { type: 'object' }] } }), 'p.properties.a.anyOf[1].additionalProperties'],
  ['a boolean schema', closed({ a: true }), 'p.properties.a'],
  ['a list of properties', { type: 'object', properties: [], additionalProperties: false }, 'p.properties']
] as const) {
  await t.test(`refused with its place: ${name}`, async t => {
    t.throws(() => requireStrictSchema(schema, 'p'), { code: 'invalid_value', parameter })
  })
}

await t.test('nesting without end', async t => {
  let schema: object = { type: 'string' }
  for (let depth = 0; depth < 1000; depth++) schema = closed({ a: schema })
  t.throws(() => requireStrictSchema(schema, 'p'), { code: 'invalid_value' })
})
