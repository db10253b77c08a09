import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import t from 'tap'
import { JsonNumber } from '../../../src/language/json/json-value.js'
import { JsonSyntaxError, maxJsonDepth, parseJson } from '../../../src/language/json/parse-json.js'
import { fromPlainJson, toCompactJson, toPlainJson } from '../../../src/language/json/plain-json.js'

function errorOf (text: string): JsonSyntaxError {
  try {
    parseJson(text)
  } catch (error) {
    if (error instanceof JsonSyntaxError) return error
    throw error
  }
  throw new Error(`accepted: ${text}`)
}

function isAccepted (parse: (text: string) => unknown, text: string): boolean {
  try {
    parse(text)
    return true
  } catch {
    return false
  }
}

await t.test('keeps the order of keys and the spelling of numbers', async t => {
  const text = '{"10":1e2,"2":100.0,"__proto__":-0,"a":[1E+2,12345678901234567890]}'
  t.equal(toCompactJson(parseJson(text)), text)
})

await t.test('a key that comes twice has its last value at its first place', async t => {
  t.equal(toCompactJson(parseJson('{"a":1,"b":2,"a":3}')), '{"a":3,"b":2}')
})

await t.test('says what is wrong and where', async t => {
  t.match(errorOf('{"a": 1,\n "b": nul}'), { message: 'Unexpected "n" instead of a value at line 2, column 7', position: 15 })
  t.match(errorOf('[1, 2'), { message: "Unexpected end instead of ',' or ']' at line 1, column 6", position: 5 })
  t.match(errorOf('"\\u12g4"').message, 'four hexadecimal digits')
  t.match(errorOf('😀').message, 'Unexpected "😀"')
})

await t.test('deep nesting is an error, not a stack overflow', async t => {
  const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)
  t.ok(parseJson(nested(maxJsonDepth)))
  t.match(errorOf(nested(maxJsonDepth + 1)).message, 'levels of nesting')
  t.match(errorOf('{"a":'.repeat(1_000_000)).message, 'levels of nesting')
})

await t.test('accepts and refuses what JSON.parse does', async t => {
  const odd = ['', ' ', '01', '1.', '.5', '+1', '-', '1e', '1e+', '0x10', 'NaN', 'Infinity', 'tru', 'true1', "'a'", '"a', '"\t"', '"\\x"', '"\\', '"\\u12',
    '[1,]', '[,1]', '{"a":1,}', '{a:1}', '{"a"}', '{"a":}', '{1:2}', '[1 2]', '1 2', '\u00a01', '\ufeff1', '{"a":1}}', '"\\ud800"', '"\u007f"', ' [ ] ', '\r\n1\t']
  for (const text of odd) t.equal(isAccepted(parseJson, text), isAccepted(JSON.parse, text), JSON.stringify(text))
  const nearJson = fc.array(fc.constantFrom('{', '}', '[', ']', ',', ':', '"', '\\', 'u', '0', '1', '-', '.', 'e', 'null', 'true', ' ', 'a'), { maxLength: 8 })
  fc.assert(fc.property(nearJson, parts => {
    const text = parts.join('')
    return isAccepted(parseJson, text) === isAccepted(JSON.parse, text)
  }), { numRuns: 5000, seed: 4 })
})

await t.test('plain values come back as JSON.parse makes them', async t => {
  fc.assert(fc.property(fc.json(), text => isDeepStrictEqual(toPlainJson(parseJson(text)), JSON.parse(text))), { numRuns: 500, seed: 4 })
  const plain = toPlainJson(parseJson('{"__proto__":{"polluted":true}}'))
  t.equal(Object.getPrototypeOf(plain), Object.prototype)
  t.equal(({} as { polluted?: boolean }).polluted, undefined)
})

await t.test('from plain values, without what JSON has no word for', async t => {
  t.same(fromPlainJson({ a: undefined, b: [1, -0] }), new Map([['b', [new JsonNumber('1'), new JsonNumber('-0.0')]]]))
  t.throws(() => fromPlainJson({ a: Number.NaN }), TypeError)
  t.throws(() => fromPlainJson(() => 1), TypeError)
})
