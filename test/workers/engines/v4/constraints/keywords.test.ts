/** The keywords that callers' schemas are made of: what comes out under each is valid, as another validator sees it. */
import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import fc from 'fast-check'
import t from 'tap'
import { randomSchema } from './random-schema.js'
import { startEngine } from './start-engine.js'

const { ask, close } = await startEngine()
t.teardown(close)

const ajv = new Ajv2020({ strict: false, allErrors: true })
addFormats.default(ajv)

const point = { type: 'object', properties: { x: { type: 'number' }, y: { type: 'number' } }, required: ['x', 'y'], additionalProperties: false }
const schemas: Record<string, unknown> = {
  'no rule at all': {},
  true: true,
  'type: null': { type: 'null' },
  'type: boolean': { type: 'boolean' },
  'type: integer': { type: 'integer' },
  'type: number': { type: 'number' },
  'type: string': { type: 'string', maxLength: 12 },
  'types: a list': { type: ['integer', 'null', 'boolean'] },
  'types spoken of by keywords': { minimum: 3, maximum: 9 },
  'enum of everything': { enum: [1, 'two', null, true, [1, { a: 'b' }], { c: [] }, -0.5, 'é"\\\n'] },
  'enum with type': { type: 'string', enum: ['a', 1, 'b'] },
  'const object': { const: { b: 1, a: [null] } },
  'minimum and maximum': { type: 'integer', minimum: -17, maximum: 1234 },
  'negative bounds': { type: 'integer', minimum: -1000, maximum: -999 },
  'exclusive bounds': { type: 'integer', exclusiveMinimum: 0, exclusiveMaximum: 3 },
  'exclusive beside inclusive': { type: 'number', minimum: 0, exclusiveMinimum: 0, maximum: 5, exclusiveMaximum: 9 },
  'number between integers': { type: 'number', minimum: 0, maximum: 1 },
  'number below zero': { type: 'number', maximum: -3 },
  'length zero': { type: 'string', maxLength: 0 },
  'length in code points': { type: 'string', minLength: 4, maxLength: 4 },
  'long strings': { type: 'string', minLength: 100, maxLength: 110 },
  pattern: { type: 'string', pattern: '^[A-Z]{2}[0-9]{4}$' },
  'pattern anywhere': { type: 'string', pattern: '^[a-z]{0,3}-?[0-9]+$|^x$' },
  'pattern of words': { type: 'string', pattern: '^\\w+( \\w+){0,2}$' },
  'pattern with quotes': { type: 'string', pattern: '^["\\\\/]{2,4}$' },
  'pattern of letters of any script': { type: 'string', pattern: '^\\p{L}{1,5}$' },
  'format date': { type: 'string', format: 'date' },
  'format time': { type: 'string', format: 'time' },
  'format date-time': { type: 'string', format: 'date-time' },
  'format duration': { type: 'string', format: 'duration' },
  'format uuid': { type: 'string', format: 'uuid' },
  'format email': { type: 'string', format: 'email' },
  'format hostname': { type: 'string', format: 'hostname' },
  'format ipv4': { type: 'string', format: 'ipv4' },
  'format ipv6': { type: 'string', format: 'ipv6' },
  'format uri': { type: 'string', format: 'uri' },
  'items and bounds': { type: 'array', items: { type: 'integer', minimum: 0, maximum: 9 }, minItems: 2, maxItems: 5 },
  'no items': { type: 'array', items: false },
  'maxItems 0': { type: 'array', maxItems: 0 },
  'arrays of arrays': { type: 'array', items: { type: 'array', items: { enum: ['a', 'b'] }, minItems: 1, maxItems: 2 }, maxItems: 3 },
  'required and optional': { type: 'object', properties: { a: { type: 'integer' }, b: { type: 'boolean' }, c: { const: 1 }, d: { type: 'null' } }, required: ['b', 'd'] },
  'only optional': { type: 'object', properties: { a: { const: 1 }, b: { const: 2 } } },
  'required that is not declared': { type: 'object', properties: { a: { const: 1 } }, required: ['a', 'z'], additionalProperties: { type: 'boolean' } },
  'no properties allowed': { type: 'object', additionalProperties: false },
  'a map': { type: 'object', additionalProperties: { type: 'integer', minimum: 1, maximum: 5 } },
  'a property that may not be': { type: 'object', properties: { a: false, b: { const: 1 } }, required: ['b'] },
  'names with quotes and slashes': { type: 'object', properties: { 'a"b': { const: 1 }, 'c\\d\n': { const: 2 }, 日本: { const: 3 }, '': { const: 4 } }, required: ['a"b', 'c\\d\n', '日本', ''] },
  'names that are no names in JavaScript': { type: 'object', properties: JSON.parse('{"__proto__":{"const":1},"constructor":{"const":2}}'), required: ['constructor'] },
  nested: { type: 'object', properties: { from: point, to: point, via: { type: 'array', items: point, maxItems: 2 } }, required: ['from', 'to'], additionalProperties: false },
  '$ref to $defs': { type: 'object', properties: { one: { $ref: '#/$defs/size' }, two: { $ref: '#/$defs/size' } }, required: ['one', 'two'], $defs: { size: { enum: ['s', 'm', 'l'] } } },
  '$ref to definitions': { $ref: '#/definitions/a', definitions: { a: { type: 'integer', minimum: 1, maximum: 2 } } },
  '$ref with escapes': { $ref: '#/$defs/a~1b%25c~0', $defs: { 'a/b%c~': { const: 'yes' } } },
  'a tree': { $ref: '#/$defs/node', $defs: { node: { type: 'object', properties: { value: { type: 'integer', minimum: 0, maximum: 9 }, children: { type: 'array', items: { $ref: '#/$defs/node' }, maxItems: 2 } }, required: ['value', 'children'], additionalProperties: false } } },
  'the root again': { type: 'object', properties: { next: { anyOf: [{ $ref: '#' }, { type: 'null' }] } }, required: ['next'] },
  anyOf: { anyOf: [{ type: 'integer', minimum: 1, maximum: 5 }, { type: 'string', maxLength: 3 }, point] },
  'anyOf that begin alike': { anyOf: [{ type: 'object', properties: { kind: { const: 'aa' }, n: { type: 'integer' } }, required: ['kind', 'n'] }, { type: 'object', properties: { kind: { const: 'ab' }, s: { type: 'string', maxLength: 3 } }, required: ['kind', 's'] }] },
  'oneOf by type': { oneOf: [{ type: 'string', maxLength: 4 }, { type: 'boolean' }] },
  'oneOf by tag': { oneOf: [{ type: 'object', properties: { t: { const: 1 }, a: { type: 'boolean' } }, required: ['t', 'a'] }, { type: 'object', properties: { t: { const: 2 } }, required: ['t'] }] },
  'allOf of one': { allOf: [{ type: 'integer', minimum: 7, maximum: 8 }] },
  'remarks everywhere': { title: 'T', description: 'D', type: 'object', properties: { a: { type: 'integer', default: 3, examples: [1], minimum: 3, maximum: 3, 'x-order': 1 } }, required: ['a'], additionalProperties: false }
}

await t.test('what ends is valid', async t => {
  const outcomes = await Promise.all(Object.entries(schemas).map(async ([name, schema], seed) => ({ name, schema, ...await ask({ constraint: { kind: 'schema', schema }, seed, sampling: { maxTokens: 120 } }) })))
  const ended = new Set<string>()
  for (const { name, schema, text, finish, fail } of outcomes) {
    if (fail !== null) t.fail(`${name}: ${fail.message}`)
    if (finish === 'length') continue
    ended.add(name)
    const isValid = ajv.compile(schema as object | boolean)
    t.ok(isValid(JSON.parse(text)), `${name}: ${text}`)
  }
  // Whatever may go on for ever does so now and then.
  const open = Object.keys(schemas).filter(name => !ended.has(name))
  t.ok(open.length <= 12, `without an end: ${open.join(', ')}`)
})

await t.test('random schemas', async t => {
  const drawn = fc.sample(randomSchema, { seed: 21, numRuns: 30 })
  const outcomes = await Promise.all(drawn.map(async (schema, seed) => ({ schema, ...await ask({ constraint: { kind: 'schema', schema }, seed }) })))
  const ended = outcomes.filter(({ finish }) => finish === 'stop')
  t.ok(ended.length >= 20, `${ended.length} of ${drawn.length} came to their end`)
  for (const { schema, text } of ended) t.ok(ajv.validate(schema, JSON.parse(text)), `${text} under ${JSON.stringify(schema)}`)
})

await t.test('regular expressions', async t => {
  const patterns = ['[0-9]{3}-[0-9]{4}', '(red|green|blue)( (light|dark))?', '\\d{1,3}(,\\d{3}){0,2}', '[^\\x00-\\x7f]{2,4}', '(\\w{1,8} ){1,3}end', 'a?']
  for (const [seed, pattern] of patterns.entries()) {
    const { text, finish } = await ask({ constraint: { kind: 'regex', pattern }, seed })
    t.equal(finish, 'stop', pattern)
    t.match(text, new RegExp(`^(?:${pattern})$`, 'u'))
  }
})
