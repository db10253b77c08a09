/** The scanner and the regular expressions are two spellings of one thing. */
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import t from 'tap'
import { IdBuffer } from '../../../src/language/tokenizer/id-buffer.js'
import { loadTokenizer } from '../../../src/language/tokenizer/load-tokenizer.js'
import { splitByPatterns } from '../../../src/language/tokenizer/split-by-patterns.js'
import { isV4Split, splitV4 } from '../../../src/language/tokenizer/split-v4.js'
import { translatePattern } from '../../../src/language/tokenizer/translate-pattern.js'
import { anyText } from './text-arbitraries.js'

const { splitPatterns } = loadTokenizer('deepseek-v4').vocabulary
const expressions = splitPatterns.map(translatePattern)

/** The pieces as text, since their ends alone are hard to read in a failure. */
function pieces (text: string, split: (ends: IdBuffer) => void): string[] {
  const ends = new IdBuffer(0)
  split(ends)
  const bytes = Buffer.from(text)
  return Array.from(ends.view(), (end, index) => bytes.toString('utf8', ends.view()[index - 1] ?? 0, end))
}

const scanned = (text: string): string[] => pieces(text, ends => { splitV4(Buffer.from(text), ends) })
const matched = (text: string): string[] => pieces(text, ends => { splitByPatterns(text, expressions, ends) })

await t.test('on generated text', async () => {
  fc.assert(fc.property(anyText, text => isDeepStrictEqual(scanned(text), matched(text))), { numRuns: 2000 })
})

await t.test('on any string at all, lone surrogates included', async () => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), text => isDeepStrictEqual(scanned(text), matched(text))), { numRuns: 1000 })
  const units = fc.array(fc.integer({ min: 0, max: 0xffff })).map(codes => String.fromCharCode(...codes))
  fc.assert(fc.property(units, text => isDeepStrictEqual(scanned(text), matched(text))), { numRuns: 1000 })
})

await t.test('pieces by hand', async t => {
  t.strictSame(scanned('  5'), ['  ', '5'])
  t.strictSame(scanned('1234567'), ['123', '456', '7'])
  t.strictSame(scanned('a  b\n \n c'), ['a', ' ', ' b', '\n \n', ' c'])
  t.strictSame(scanned('foo(bar) ("x")\n\n'), ['foo', '(bar', ')', ' ("', 'x', '")\n\n'])
  t.strictSame(scanned('テスト・です漢字kanji'), ['テスト', '・', 'です漢字', 'kanji'])
  t.strictSame(scanned('\u0001\u0001\u0001a'), ['\u0001\u0001', '\u0001a'])
})

await t.test('the scanner stands in for these patterns only', async t => {
  t.ok(isV4Split(splitPatterns))
  t.ok(isV4Split(splitPatterns.map(pattern => pattern.replaceAll('\r', '\\r').replaceAll('\n', '\\n'))))
  t.notOk(isV4Split(splitPatterns.slice(1)))
  t.notOk(isV4Split([...splitPatterns, 'a']))
})

await t.test('an expression that matches nothing at a place moves on', async t => {
  t.strictSame(pieces('a😀1😀😀', ends => { splitByPatterns('a😀1😀😀', [/\d*/gu], ends) }), ['a😀', '1', '😀😀'])
})

await t.test('a run too long for the expressions is refused with a reason', async t => {
  const text = '中'.repeat(4 << 20)
  t.throws(() => { splitByPatterns(text, [/\p{L}+/gu], new IdBuffer(0)) }, { name: 'RangeError', message: /too long a run/ })
})
