/** Texts that exercise every branch of a pre-tokenizer. */
import fc from 'fast-check'

/** Code points of long standing: Unicode tables of engines differ in the newest ones only. */
const settledCharacter = fc.oneof(
  fc.integer({ min: 0, max: 0x24f }),
  fc.integer({ min: 0x370, max: 0x3ff }),
  fc.integer({ min: 0x410, max: 0x45f }),
  fc.integer({ min: 0x5d0, max: 0x5ea }),
  fc.integer({ min: 0x620, max: 0x64a }),
  fc.integer({ min: 0x905, max: 0x939 }),
  fc.integer({ min: 0x2000, max: 0x206f }).filter(code => code !== 0x2065),
  fc.integer({ min: 0x3000, max: 0x30ff }),
  fc.integer({ min: 0x4e00, max: 0x9fa5 }),
  fc.integer({ min: 0xac00, max: 0xd7a3 }),
  fc.integer({ min: 0xfe50, max: 0xff60 }),
  fc.integer({ min: 0x1f300, max: 0x1f5ff })
).map(code => String.fromCodePoint(code))

const telling = fc.constantFrom(
  ' ', '  ', '   ', '\n', '\n\n', '\r\n', '\t', '\u0085', '\u00a0', '\u3000', '\ufeff', '\u200d', '\u0000', '\u001f', '\u0301', '\u3099', '・', '゛',
  '0', '12', '3456', '٣', '½', 'Ⅷ', '.', '!?', '"', '<', '</', '｜', '_', '-', '—', '€', 'a', 'Z', 'é', 'ß', 'the', ' of', "n't", 'DSML', '中文', 'かな', 'カナ', '한글', '😀', '👩‍💻'
)

const word = fc.constantFrom('The', 'quick', 'gearbox', 'function', 'return', 'città', 'perché', 'straße', 'данные', 'שלום', 'مرحبا', '你好', '世界', '東京', '서울', '{"key": ', '123,456.78', '```js', 'https://example.org/')

const sentence = fc.array(word, { minLength: 1, maxLength: 12 }).map(words => words.join(' '))

export const anyText = fc.array(fc.oneof(settledCharacter, telling, sentence), { maxLength: 40 }).map(parts => parts.join(''))
