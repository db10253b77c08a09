import fc from 'fast-check'
import t from 'tap'
import type { ToolDefinition } from '../../../src/language/conversation.js'
import { fromPlainJson, toPlainJson } from '../../../src/language/json/plain-json.js'
import { looseSchema } from '../../../src/language/render/loose-schema.js'
import { toolCallTag } from '../../../src/language/render/tool-call-tag.js'
import { constraintGrammar } from '../../../workers/engines/v4/constraints/constraint-grammar.js'

const loose = (schema: unknown): unknown => toPlainJson(looseSchema(fromPlainJson(schema)))

await t.test('keys and types stay, rules go', async t => {
  t.same(loose({
    type: 'object',
    properties: { n: { type: 'integer', multipleOf: 3 }, s: { type: 'string', pattern: '(?=a)', enum: ['a', 'b'] }, l: { type: 'array', items: { type: 'object', minProperties: 2 } }, u: { anyOf: [{ type: 'string' }, { $ref: '#/x' }] }, o: { not: {} } },
    required: ['n', 'gone'],
    unevaluatedProperties: false
  }), {
    type: 'object',
    properties: { n: { type: 'integer' }, s: { type: 'string', enum: ['a', 'b'] }, l: { type: 'array', items: { type: 'object' } }, u: { anyOf: [{ type: 'string' }, true] }, o: true },
    required: ['n'],
    additionalProperties: false
  })
  t.same(toPlainJson(looseSchema(null)), { type: 'object', properties: {}, additionalProperties: false })
  t.same(loose({ type: 'object', properties: { 'a"b': {} } }), { type: 'object' })
  t.same(loose({ $ref: '#/$defs/a' }), { type: 'object' })
})

const keyword = fc.constantFrom('type', 'properties', 'items', 'anyOf', 'oneOf', 'enum', 'required', 'additionalProperties', '$ref', 'not')
const { odd } = fc.letrec<{ odd: unknown }>(tie => ({
  odd: fc.oneof({ maxDepth: 3 },
    fc.constantFrom('object', 'array', 'string', 'integer', 'what', 7, null, true, false),
    fc.array(tie('odd'), { maxLength: 3 }),
    fc.dictionary(fc.oneof(keyword, fc.string({ maxLength: 4 })), tie('odd'), { maxKeys: 4 }),
    fc.record({ type: fc.constantFrom('object', 'array', 'string', 'null', ['string', 'null']), properties: fc.dictionary(fc.string({ maxLength: 4 }), tie('odd'), { maxKeys: 3 }), items: tie('odd') }, { requiredKeys: ['type'] })
  )
}))

await t.test('whatever a tool that is not strict says, its calls can be held to something', async t => {
  fc.assert(fc.property(odd, parameters => {
    const tools: ToolDefinition[] = [{ name: 'f', description: null, parameters: fromPlainJson(parameters), isStrict: false }]
    constraintGrammar({ kind: 'structural-tag', tag: toolCallTag({ tools, isForced: true, allowsParallelToolCalls: true, start: 'content', answerSchema: null }) })
  }), { numRuns: 300, seed: 9 })
  t.pass()
})
