/** Patterns as JavaScript has them: what one matches the other accepts. */
import fc from 'fast-check'
import t from 'tap'
import { accepts, runnerOf } from './run-grammar.js'

const patterns = [
  'abc', 'a?', 'a|bc|d?', '(?:a|b)*c', 'a{2,4}', 'a{3}', 'a{2,}b', '(ab?){1,3}', 'x*y+z?', '.', '..', '[a-c]+', '[^a-c]', '[^\\d\\s]+', '\\d{3}-\\d{4}', '\\w+@\\w+\\.[a-z]{2,3}',
  '[\\w.-]{1,5}', '\\S\\s\\S', '[é-ü]+', '[一-龥]{2}', '\\u00e9|\\x41|\\u{1F600}', '\\p{Lu}\\p{L}*', '\\P{L}', '[\\p{N}_]+', '(?<year>\\d{4})-(?<month>\\d\\d)', '\\/\\*\\[\\]', '[\\]\\\\]', '\\t\\n', '(a(b(c)?)?)?d',
  '(0|[1-9][0-9]{0,3})(\\.[0-9]{1,2})?', 'a{0}b', '(a*)*b', '(a{0,2}){3}', '((x|y){2}z){1,2}', '€{2,3}'
]

await t.test('what a pattern matches is accepted, and nothing else', async t => {
  for (const pattern of patterns) {
    const runner = runnerOf({ kind: 'regex', pattern })
    const expected = new RegExp(`^(?:${pattern})$`, 'u')
    const check = (text: string): boolean => accepts(runner, text) === expected.test(text)
    const alike = fc.stringMatching(new RegExp(`^(?:${pattern.replace('[\\p{N}_]', '[0-9_]').replace(/\\p\{[^}]*\}|\\P\{[^}]*\}/g, '[a-zA-Z]')})$`, 'u'))
    const changed = fc.tuple(alike, fc.nat(20), fc.constantFrom('a', 'b', 'Z', '0', '-', '.', ' ', '\n', 'é', '€', '😀', ''), fc.boolean()).map(([text, place, character, replaces]) => {
      const characters = Array.from(text)
      characters.splice(place, replaces ? 1 : 0, character)
      return characters.join('')
    })
    fc.assert(fc.property(fc.oneof(alike, changed, fc.string({ unit: 'grapheme', maxLength: 6 })), text => /\p{Surrogate}/u.test(text) || check(text)), { numRuns: 60, seed: 11 })
    t.pass(pattern)
  }
})

await t.test('anchors at the ends say what is so anyway', async t => {
  for (const pattern of ['^ab$', '^ab', 'ab$']) {
    const runner = runnerOf({ kind: 'regex', pattern })
    t.ok(accepts(runner, 'ab'), pattern)
    t.notOk(accepts(runner, 'xab'), pattern)
  }
})

await t.test('in a schema a pattern is looked for, unless it is tied to the ends', async t => {
  const cases: Array<[pattern: string, inside: string[], outside: string[]]> = [
    ['b', ['b', 'abc', 'b"\n'], ['', 'ac']],
    ['^b', ['b', 'bc'], ['ab', '']],
    ['b$', ['b', 'ab'], ['ba']],
    ['^b$|c', ['b', 'xcx'], ['ab', 'bb']],
    ['^"\\\\$', ['"\\'], ['"']],
    ['^[^a]{2}$', ['\n\u0001', '""', '\\é'], ['ab', '"']],
    ['^(a|b$)', ['ax', 'b'], ['c']]
  ]
  for (const [pattern, inside, outside] of cases.slice(0, -1)) {
    const runner = runnerOf({ kind: 'schema', schema: { type: 'string', pattern } })
    for (const text of inside) t.ok(accepts(runner, JSON.stringify(text)), `${pattern} has ${JSON.stringify(text)}`)
    for (const text of outside) t.notOk(accepts(runner, JSON.stringify(text)), `${pattern} has not ${JSON.stringify(text)}`)
  }
  t.throws(() => runnerOf({ kind: 'schema', schema: { type: 'string', pattern: '^(a|b$)' } }), { message: /^schema\.pattern: \$ elsewhere/ })
})

await t.test('what cannot be honoured is refused, with its place', async t => {
  for (const pattern of ['(?=a)', '(?!a)', '(?<=a)b', '(a)\\1', '\\bword', 'a^b', 'a$b', '(', ')', '[a', '*a', '\\', '[z-a]', '\\k<a>', '\\p{Nonsense}', 'a{3,2}', 'a{20000}', '(?i:a)', '('.repeat(200)]) {
    t.throws(() => runnerOf({ kind: 'regex', pattern }), { name: 'ConstraintError', message: /^regex: / }, pattern.slice(0, 20))
  }
})
