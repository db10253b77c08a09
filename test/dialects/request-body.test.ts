import fc from 'fast-check'
import t from 'tap'
import { memberSpans } from '../../src/dialects/member-spans.js'
import { parseRequestBody } from '../../src/dialects/request-body.js'
import { toPlainJson } from '../../src/language/json/plain-json.js'
import { toPythonJson } from '../../src/language/json/python-json.js'

await t.test('members are found where they stand', async t => {
  const text = ' { "a" : "x\\"}\\\\" , "b":[1,{"c":"]"}, "\\\\"],"c":-1.5e3 ,"\\u0064":null,"e":{},"a":true} '
  const members = Object.fromEntries([...memberSpans(text)].map(([key, { start, end }]) => [key, text.slice(start, end)]))
  t.strictSame(members, { a: 'true', b: '[1,{"c":"]"}, "\\\\"]', c: '-1.5e3', d: 'null', e: '{}' })
  for (const other of ['[]', 'null', '"{"', '{}', '']) t.equal(memberSpans(other).size, 0, other)
})

await t.test('every member of any object is what JSON.parse finds', async t => {
  const anyObject = fc.tuple(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 4 })), fc.constantFrom(undefined, 1, '\t'))
  fc.assert(fc.property(anyObject, ([value, space]) => {
    const text = JSON.stringify(value, null, space)
    const members = [...memberSpans(text)].map(([key, { start, end }]) => [key, JSON.parse(text.slice(start, end)) as unknown])
    t.strictSame(members, Object.entries(JSON.parse(text) as object).map(([key, member]: [string, unknown]) => [key, member]).sort((first, second) => members.findIndex(([key]) => key === first[0]) - members.findIndex(([key]) => key === second[0])))
  }), { numRuns: 300 })
})

await t.test('values keep their order of keys and spelling', async t => {
  const body = parseRequestBody('{"model":"m","tools":[{"b":1e2,"1":{"x":12345678901234567890}}]}')
  t.equal(toPythonJson(body.exact(['tools', 0]) ?? null), '{"b": 100.0, "1": {"x": 12345678901234567890}}')
  t.equal(toPlainJson(body.exact(['model']) ?? null), 'm')
  for (const path of [['other'], ['tools', 1], ['tools', 'b'], ['model', 0], ['tools', 0, 'b', 'c']] as const) t.equal(body.exact(path), undefined, path.join('.'))
})

await t.test('what is nested too deep for the model is refused when it is asked for', async t => {
  const body = parseRequestBody(`{"deep":${'['.repeat(2000)}${']'.repeat(2000)},"flat":1}`)
  t.ok(body.exact(['flat']))
  t.throws(() => body.exact(['deep']), { code: 'invalid_json' })
})
