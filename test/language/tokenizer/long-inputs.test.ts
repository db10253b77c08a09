/** No input costs more than its length times a logarithm: a quadratic step on any of these would outlast the time limit. */
import t from 'tap'
import { loadTokenizer } from '../../../src/language/tokenizer/load-tokenizer.js'

const tokenizer = loadTokenizer('deepseek-v4')
const million = 1 << 20
const letters = Array.from({ length: 20_000 }, (_, index) => String.fromCharCode(97 + (index * index * 7 + index) % 26)).join('')

const inputs: Array<[string, string]> = [
  ['20,000 letters', letters],
  ['a million times a', 'a'.repeat(million)],
  ['a million digits', '7'.repeat(million)],
  ['a million control characters', '\u0001'.repeat(million)],
  ['spaces before a word', `${' '.repeat(million / 4)}x`],
  ['line breaks', '\n'.repeat(million / 4)],
  ['spaces and line breaks in turn', ' \n'.repeat(million / 8)],
  ['dashes', '-'.repeat(million / 4)],
  ['ideographs', '中'.repeat(million / 8)],
  ['the start of a control token again and again', '<｜place▁holder▁no▁'.repeat(million / 64)]
]

for (const [name, text] of inputs) {
  await t.test(name, async t => {
    t.ok(tokenizer.decode(tokenizer.encode(text, { control: 'token' })) === text)
  })
}
