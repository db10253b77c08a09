import t from 'tap'
import { ControlTokenSet } from '../../../src/language/tokenizer/control-token-set.js'

function cut (texts: string[], text: string): Array<string | number> {
  const parts: Array<string | number> = []
  new ControlTokenSet(texts.map((token, id) => ({ id, text: token }))).cut(text, plain => { parts.push(plain) }, id => { parts.push(id) })
  return parts
}

await t.test('the longest of those that begin at a place', async t => {
  t.strictSame(cut(['<a>', '<a>b', '<a>bcd'], '<a><a>b<a>bc<a>bcd'), [0, 1, 1, 'c', 2])
})

await t.test('the leftmost, even if a longer one begins within it', async t => {
  t.strictSame(cut(['ab', 'bcdef'], 'abcdef'), [0, 'cdef'])
  t.strictSame(cut(['abx', 'bc'], 'abc'), ['a', 1], 'a start that leads nowhere gives its place back')
})

await t.test('text without any, and no tokens at all', async t => {
  t.strictSame(cut(['<a>'], '<a'), ['<a'])
  t.strictSame(cut(['<a>'], ''), [])
  t.strictSame(cut([], '<a>'), ['<a>'])
})
