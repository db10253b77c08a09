import t from 'tap'
import { translatePattern } from '../../../src/language/tokenizer/translate-pattern.js'

const matches = (pattern: string, text: string): string[] => text.match(translatePattern(pattern)) ?? []

await t.test('what both spell alike stays', async t => {
  t.strictSame(matches('\\p{N}{1,3}|[^\\r\\n\\p{L}]+', 'ab12345!\n'), ['123', '45', '!'])
  t.strictSame(matches('[!"#$%&\'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~]', 'a]b\\c-^'), [']', '\\', '-', '^'])
})

await t.test('white space is Unicode\'s, not JavaScript\'s', async t => {
  t.strictSame(matches('\\s', 'a\u0085\ufeff\u3000'), ['\u0085', '\u3000'])
  t.strictSame(matches('\\S+', 'a\ufeff b'), ['a\ufeff', 'b'])
  t.strictSame(matches('[^\\s\\d]+', 'é٣ \u0085b'), ['é', 'b'])
})

await t.test('digits and words are Unicode\'s', async t => {
  t.strictSame(matches('\\d+', '1٣½'), ['1٣'])
  t.strictSame(matches('\\w+', 'é٣_-Ⅷ'), ['é٣_', 'Ⅷ'])
  t.strictSame(matches('\\D+', 'a1b'), ['a', 'b'])
})

await t.test('a group may ignore case, with Unicode\'s extra letters', async t => {
  t.strictSame(matches("(?i:'s|'Kx)|s", "'S 'ſ '\u212aX S s"), ["'S", "'ſ", "'\u212aX", 's'])
  t.strictSame(matches('(?i:(?:a)b)c', 'ABc ABC'), ['ABc'], 'a group within it too, but not what follows')
})

await t.test('a dot stops at line feed only, needless escapes are dropped', async t => {
  t.strictSame(matches('.+', 'a\rb\nc'), ['a\rb', 'c'])
  t.strictSame(matches('\\<\\"\\ \\-\\{', '<" -{'), ['<" -{'])
})

await t.test('what has no equal is refused', async t => {
  for (const [pattern, reason] of [
    ['^a', 'anchor'], ['a$', 'anchor'], ['\\Aa', '\\\\A'], ['\\bword', '\\\\b'], ['\\h', '\\\\h'], ['[a[b]]', 'class within'], ['[a&&b]', 'class within'],
    ['(?i)a', 'group'], ['(?>a)', 'group'], ['(?i:[a-z])', 'ignores case'], ['a++', ''], ['\\p{Han}', ''], ['(', '']
  ] as const) {
    t.throws(() => translatePattern(pattern), { message: new RegExp(`is not supported: .*${reason}`, 's') }, pattern)
  }
})
