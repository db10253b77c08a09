import t from 'tap'
import { constraintGrammar } from '../../../../../workers/engines/v4/constraints/constraint-grammar.js'

const schemaGrammar = (schema: unknown) => constraintGrammar({ kind: 'schema', schema })

const refused: Array<[schema: unknown, message: RegExp]> = [
  [{ type: 'string', pattern: '(?=a)' }, /^schema\.pattern: a group that looks around/],
  [{ type: 'string', pattern: 'a', maxLength: 3 }, /^schema\.pattern: not supported beside a length/],
  [{ type: 'string', pattern: 'a', format: 'uuid' }, /^schema\.pattern: not supported beside a format/],
  [{ type: 'object', properties: { a: { type: 'array', uniqueItems: true } } }, /^schema\.properties\.a\.uniqueItems/],
  [{ type: 'array', items: { not: {} } }, /^schema\.items\.not/],
  [{ type: 'string', format: 'iri' }, /^schema\.format: "iri"/],
  [{ type: 'integer', multipleOf: 3 }, /^schema\.multipleOf/],
  [{ type: 'object', minProperties: 1 }, /^schema\.minProperties/],
  [{ type: 'object', patternProperties: {} }, /patternProperties/],
  [{ if: {}, then: {} }, /schema\.if/],
  [{ allOf: [{ type: 'string' }, { minLength: 2 }] }, /schema\.allOf/],
  [{ anyOf: [{ type: 'string' }], minLength: 2 }, /schema\.minLength: not supported beside anyOf/],
  [{ enum: ['a'], minLength: 2 }, /minLength/],
  [{ enum: [] }, /no value is allowed/],
  [{ type: 'text' }, /schema\.type: "text" is no type/],
  [{ type: 'number', minimum: 0.5 }, /bound of a number must be an integer/],
  [{ type: 'integer', minimum: 3, maximum: 2 }, /no number lies between/],
  [{ type: 'object', required: ['a'], additionalProperties: false }, /schema\.required: a/],
  [{ $ref: 'http://example.com/a' }, /schema\.\$ref: only references within/],
  [{ $ref: '#/$defs/a' }, /leads nowhere/],
  [{ $ref: '#/%zz' }, /leads nowhere/],
  [{ $ref: '#/$defs/a', $defs: { a: { anyOf: [{ $ref: '#/$defs/a' }] } } }, /refers to itself/],
  [{ oneOf: [{ type: 'integer' }, { type: 'number' }] }, /schema\.oneOf: schemas 0 and 1/],
  [false, /must be an object or true/],
  ['string', /must be an object or true/],
  [JSON.parse('{"items":'.repeat(200) + '{}' + '}'.repeat(200)), /nested more than/]
]

await t.test('what cannot be honoured is refused, with its path', async t => {
  for (const [schema, message] of refused) t.throws(() => schemaGrammar(schema), { name: 'ConstraintError', message }, JSON.stringify(schema).slice(0, 80))
})

await t.test('remarks are no rules', async t => {
  const remarks = { title: 'x', description: 'y', default: 1, examples: [1], $schema: 'https://json-schema.org/draft/2020-12/schema', 'x-order': 1 }
  t.same(schemaGrammar({ type: 'integer', ...remarks }), schemaGrammar({ type: 'integer' }))
})
