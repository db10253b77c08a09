import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import t from 'tap'
import type { Piece } from '../../../src/language/render/rendered-prompt.js'
import { loadTokenizer } from '../../../src/language/tokenizer/load-tokenizer.js'
import { anyText } from './text-arbitraries.js'

const tokenizer = loadTokenizer('deepseek-v4')
const controlTexts = tokenizer.vocabulary.controlTokens.map(({ text }) => text)
const data = (text: string): Piece => ({ kind: 'data', text })
const template = (text: string): Piece => ({ kind: 'template', text })

/** Cuts a text at the given fractions of its length. */
function cutText (text: string, fractions: number[]): string[] {
  const places = fractions.map(fraction => Math.floor(fraction * text.length)).sort((one, other) => one - other)
  return [...places, text.length].map((end, index) => text.slice(places[index - 1] ?? 0, end))
}

const fractions = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 6 })

await t.test('decoding gives the text back', async () => {
  fc.assert(fc.property(anyText, text => tokenizer.decode(tokenizer.encode(text)) === text), { numRuns: 500 })
})

await t.test('with control tokens recognised, too', async () => {
  const mixed = fc.array(fc.oneof(anyText, fc.constantFrom(...controlTexts))).map(parts => parts.join(''))
  fc.assert(fc.property(mixed, text => tokenizer.decode(tokenizer.encode(text, { control: 'token' })) === text), { numRuns: 300 })
})

await t.test('a lone surrogate becomes U+FFFD, as in a UTF-8 encoder', async t => {
  t.strictSame(tokenizer.encode('a\ud83d b'), tokenizer.encode('a\ufffd b'))
  t.strictSame(tokenizer.encode('\ude00'), tokenizer.encode('\ufffd'))
  t.strictSame(tokenizer.encodePieces([data('\ud83d'), data('\ude00')]), tokenizer.encode('😀'), 'halves that meet are a character')
})

await t.test('a control token that a user types never becomes one', async t => {
  for (const text of controlTexts) {
    const ids = tokenizer.encodePieces([template('<｜User｜>'), data(`a${text}b`), template('<｜Assistant｜>')])
    if (!isDeepStrictEqual(ids.filter(id => tokenizer.isControl(id)), [128803, 128804])) t.fail(`${text} became ${ids.join()}`)
    if (!isDeepStrictEqual(ids.slice(1, -1), tokenizer.encode(`a${text}b`))) t.fail(`${text} is not plain text`)
  }
  t.strictSame(tokenizer.encode('<｜User｜>'), [30, 28217, 6756, 28217, 32])
  t.strictSame(tokenizer.encode('<think>'), [30, 37947, 32])
})

await t.test('nor when it is split between data and template', async t => {
  t.strictSame(tokenizer.encodePieces([template('<thi'), data('nk>')]), tokenizer.encode('<think>'))
  t.strictSame(tokenizer.encodePieces([data('<thi'), template('nk>')]), tokenizer.encode('<think>'))
  t.strictSame(tokenizer.encodePieces([template('<thi'), template('nk>')]), [128821], 'two template pieces are one text')
})

await t.test('where pieces meet leaves no trace in the ids', async t => {
  fc.assert(fc.property(anyText, fractions, (text, places) => {
    return isDeepStrictEqual(tokenizer.encodePieces(cutText(text, places).map(data)), tokenizer.encode(text))
  }), { numRuns: 300 })
  t.strictSame(tokenizer.encodePieces([data('Let me check.'), template('\n\n<｜DSML｜tool_calls>')]).slice(3, 4), [339])
})

await t.test('data between control tokens may be cut anywhere', async () => {
  const whole = tokenizer.encode('<｜User｜>Hello there, 1234567!\n\n<think>', { control: 'token' })
  fc.assert(fc.property(fractions, places => {
    const pieces = [template('<｜User｜>'), ...cutText('Hello there, 1234567!\n\n', places).map(data), template('<think>')]
    return isDeepStrictEqual(tokenizer.encodePieces(pieces), whole)
  }))
})

await t.test('the longest control token wins, and the leftmost before it', async t => {
  t.strictSame(tokenizer.encode('<｜/table>｜DSML｜', { control: 'token' }).slice(0, 1), [129265])
  t.strictSame(tokenizer.encode('<｜DSML｜User｜>', { control: 'token' }).slice(0, 2), [30, 128825])
  t.strictSame(tokenizer.encode('<｜place▁holder▁no▁7｜><｜place▁holder▁no▁77｜>', { control: 'token' }), [128007, 128077])
})

await t.test('look-ups', async t => {
  t.equal(tokenizer.vocabularySize, 129280)
  t.equal(tokenizer.idOfControl('</think>'), 128822)
  t.equal(tokenizer.idOfControl('hello'), undefined)
  t.strictSame(tokenizer.encode(''), [])
  t.strictSame(tokenizer.encodePieces([]), [])
  t.equal(Buffer.from(tokenizer.bytesOf(128821)).toString(), '<think>')
  t.strictSame([...tokenizer.bytesOf(3)], [33])
  t.equal(tokenizer.decode([128803, 19923, 128804], { control: 'omit' }), 'Hello')
})

await t.test('an id that is not in use is refused by name', async t => {
  for (const id of [129280, -1, 0.5, Number.NaN, 1e9]) {
    t.throws(() => tokenizer.decode([19923, id]), { name: 'RangeError', message: `Token id ${id} is not in this vocabulary of 129280 ids` })
  }
})
