/**
 * An independent tokenizer library, given the same vocabulary, finds the same ids.
 */
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { Kitoken } from 'kitoken/node'
import t from 'tap'
import { loadTokenizer } from '../../../src/language/tokenizer/load-tokenizer.js'
import { anyText } from './text-arbitraries.js'
import { writeV4TokenizerJson } from './vectors.js'

const ours = loadTokenizer('deepseek-v4')
const theirs = Kitoken.from_tokenizers(new TextEncoder().encode(writeV4TokenizerJson(ours.vocabulary.controlTokens)))
const controlTexts = ours.vocabulary.controlTokens.map(({ text }) => text)

await t.test('on text of many scripts', async () => {
  fc.assert(fc.property(anyText, text => isDeepStrictEqual(ours.encode(text), [...theirs.encode(text, false)])), { numRuns: 2000 })
})

await t.test('on text with control tokens', async () => {
  const mixed = fc.array(fc.oneof(anyText, fc.constantFrom(...controlTexts)), { maxLength: 8 }).map(parts => parts.join(''))
  fc.assert(fc.property(mixed, text => {
    return isDeepStrictEqual(ours.encode(text, { control: 'token' }), [...theirs.encode(text, true)])
  }), { numRuns: 500 })
})

await t.test('on pieces long enough for the heap', async () => {
  const long = fc.array(fc.constantFrom('a', 'b', 'c', 'e', 'in', 'the', 'ß', 'ы'), { minLength: 60, maxLength: 400 }).map(parts => parts.join(''))
  fc.assert(fc.property(long, text => isDeepStrictEqual(ours.encode(text), [...theirs.encode(text, false)])), { numRuns: 300 })
})

await t.test('on every settled character between others', async t => {
  const different: string[] = []
  for (let code = 0; code < 0x3400; code++) {
    const character = String.fromCodePoint(code)
    // Assigned by Unicode 16 or later, so that tables of different age disagree.
    if ((code >= 0x1acf && code <= 0x1aeb) || code === 0x20c1 || code === 0x2b96) continue
    const text = `a${character}b ${character}${character}! ${character}\n 1${character}2 あ${character} `
    if (ours.encode(text).join() !== theirs.encode(text, false).join()) different.push(code.toString(16))
  }
  t.strictSame(different, [])
})
