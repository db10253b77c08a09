/** The tokens a configuration allows are those whose symbols can follow one by one. */
import fc from 'fast-check'
import t from 'tap'
import type { Constraint } from '../../../../../workers/contract/job.js'
import type { Configuration, LazyAutomaton } from '../../../../../workers/engines/v4/constraints/lazy-automaton.js'
import { runnerOf, tokenSymbols, vocabulary } from './run-grammar.js'

const constraints: Constraint[] = [
  { kind: 'json' },
  { kind: 'regex', pattern: '[a-z ]{3,400}!' },
  { kind: 'regex', pattern: '(ab|[^x]{2}){0,7}' },
  { kind: 'schema', schema: { type: 'string', minLength: 60, maxLength: 200 } },
  { kind: 'schema', schema: { type: 'array', items: { type: 'array', items: { type: 'integer' }, maxItems: 3 }, minItems: 1, maxItems: 40 } },
  { kind: 'schema', schema: { anyOf: [{ type: 'object', properties: { a: { type: 'string' }, b: { type: 'number' } }, required: ['b'] }, { enum: ['{', 'é', 17, null] }] } }
]

function follow (runner: LazyAutomaton, configuration: Configuration, id: number): Configuration | null {
  let next: Configuration | null = configuration
  for (const symbol of Array.from(tokenSymbols(id))) next = next === null ? null : runner.step(next, symbol)
  return next
}

for (const constraint of constraints) {
  await t.test(JSON.stringify(constraint).slice(0, 90), async t => {
    const runner = runnerOf(constraint)
    fc.assert(fc.property(fc.array(fc.nat(), { minLength: 1, maxLength: 40 }), choices => {
      let configuration = runner.start()
      for (const choice of choices) {
        if (configuration === null) return false
        const words = runner.tokensFrom(configuration)
        const allowed = Array.from({ length: vocabulary.size }, (_, id) => id).filter(id => ((words[id >> 5] ?? 0) & 1 << (id & 31)) !== 0)
        if (allowed.length === 0) return configuration.mayEnd
        configuration = follow(runner, configuration, allowed[choice % allowed.length] ?? 0)
      }
      const words = configuration === null ? null : runner.tokensFrom(configuration)
      return configuration !== null && words !== null && Array.from({ length: vocabulary.size }, (_, id) => id).every(id => {
        const isPossible = tokenSymbols(id).length > 0 && follow(runner, configuration, id) !== null
        return isPossible === (((words[id >> 5] ?? 0) & 1 << (id & 31)) !== 0)
      })
    }), { numRuns: 12, seed: 3 })
    t.pass()
  })
}

await t.test('equal situations are one', async t => {
  const runner = runnerOf({ kind: 'json' })
  const path = (text: string): Configuration | null => Array.from(new TextEncoder().encode(text)).reduce<Configuration | null>((at, byte) => at === null ? null : runner.step(at, byte), runner.start())
  t.equal(path('{"a'), path('{"bcd'))
  t.equal(path('{"a":1,"'), path('{"x":"long","'))
  t.not(path('{"a":[{"'), path('{"a":{"'))
})

await t.test('a grammar that means too much at once is given up instead of being followed', async t => {
  const runner = runnerOf({ kind: 'regex', pattern: '(.|..|...|(.{1,9}){1,9}){0,900}!' })
  let configuration = runner.start()
  let count = 0
  for (; configuration !== null && runner.tokensFrom(configuration).some(word => word !== 0); count++) configuration = runner.step(configuration, 97 + count % 26)
  t.ok(count > 0 && count < 100, `after ${count} characters`)
})
