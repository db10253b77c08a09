import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import t from 'tap'
import { parseJson } from '../../../src/language/json/parse-json.js'
import { fromPlainJson } from '../../../src/language/json/plain-json.js'
import { toPythonJson } from '../../../src/language/json/python-json.js'

await t.test('as Python 3.11 writes it (test/fixtures/python-json.py)', async t => {
  const table = readFileSync(join(import.meta.dirname, '../../../../test/fixtures/python-json.json'), 'utf8')
  const cases = JSON.parse(table) as Array<[text: string, expected: string]>
  t.ok(cases.length > 500)
  const wrong = cases.filter(([text, expected]) => toPythonJson(parseJson(text)) !== expected)
  t.same(wrong.map(([text]) => [text, toPythonJson(parseJson(text))]), [])
})

await t.test('reads back as the same value, and once written stays as it is', async () => {
  // JSON.stringify writes -0 as 0, so let both sides have none.
  const withoutMinusZero = (value: unknown): unknown => JSON.parse(JSON.stringify(value))
  fc.assert(fc.property(fc.jsonValue().map(withoutMinusZero), value => {
    const written = toPythonJson(fromPlainJson(value))
    return isDeepStrictEqual(JSON.parse(written), value) && toPythonJson(parseJson(written)) === written
  }), { numRuns: 500, seed: 4 })
})
