import t from 'tap'
import { vocabularyFromHuggingFace } from '../../../src/language/tokenizer/from-hugging-face.js'
import { Tokenizer } from '../../../src/language/tokenizer/tokenizer.js'
import { readSmallTokenizers } from './vectors.js'

const small = readSmallTokenizers()

for (const { name, tokenizer: file, cases } of small) {
  await t.test(`the ids of the Hugging Face library: ${name}`, async t => {
    const tokenizer = new Tokenizer(vocabularyFromHuggingFace(JSON.stringify(file)))
    for (const { text, ids } of cases) {
      t.strictSame(tokenizer.encode(text, { control: 'token' }), ids)
      t.equal(tokenizer.decode(ids), text)
    }
  })
}

function parts (name: string): { file: Record<string, unknown>, model: Record<string, unknown> } {
  const found = small.find(each => each.name === name)
  if (found === undefined) throw new Error(`no vector is called ${name}`)
  const file = structuredClone(found.tokenizer)
  return { file, model: file['model'] as Record<string, unknown> }
}

const read = (file: unknown): unknown => vocabularyFromHuggingFace(JSON.stringify(file))
const plain = 'byte level with the GPT-2 pattern'

await t.test('what it could not follow exactly is refused by name', async t => {
  const { file, model } = parts(plain)
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, use_regex: true }
  const split = { type: 'Split', pattern: { Regex: 'a' }, behavior: 'Isolated', invert: false }
  const refusals: Array<[RegExp, unknown]> = [
    [/the file is not an object/, []],
    [/normalizer .*NFC/, { ...file, normalizer: { type: 'NFC' } }],
    [/normalizer .*NFC/, { ...file, normalizer: { type: 'Sequence', normalizers: [{ type: 'NFC' }] } }],
    [/decoder .*Metaspace/, { ...file, decoder: { type: 'Metaspace' } }],
    [/model\.type "Unigram"/, { ...file, model: { ...model, type: 'Unigram' } }],
    [/model\.dropout 0\.1/, { ...file, model: { ...model, dropout: 0.1 } }],
    [/model\.byte_fallback true/, { ...file, model: { ...model, byte_fallback: true } }],
    [/model\.continuing_subword_prefix "##"/, { ...file, model: { ...model, continuing_subword_prefix: '##' } }],
    [/model\.merges\[0\]/, { ...file, model: { ...model, merges: ['a b c'] } }],
    [/model\.merges\[0\]/, { ...file, model: { ...model, merges: [['a', '\u0000']] } }],
    [/model\.vocab has no token for the byte 0x21/, { ...file, model: { ...model, vocab: {}, merges: [] } }],
    [/model\.vocab\["a"\] is not a token id/, { ...file, model: { ...model, vocab: { a: -1 } } }],
    [/added_tokens\[0\]\.content/, { ...file, added_tokens: [{ id: 1, content: '' }] }],
    [/added_tokens\[0\]\.lstrip/, { ...file, added_tokens: [{ id: 1, content: 'x', lstrip: true }] }],
    [/does not end in ByteLevel/, { ...file, pre_tokenizer: { type: 'Whitespace' } }],
    [/pre_tokenizer is not an object/, { ...file, pre_tokenizer: null }],
    [/add_prefix_space/, { ...file, pre_tokenizer: { ...byteLevel, add_prefix_space: true } }],
    [/step 0\.behavior "Removed"/, { ...file, pre_tokenizer: { type: 'Sequence', pretokenizers: [{ ...split, behavior: 'Removed' }, byteLevel] } }],
    [/step 0\.type "Digits"/, { ...file, pre_tokenizer: { type: 'Sequence', pretokenizers: [{ type: 'Digits' }, byteLevel] } }],
    [/step 0\.pattern/, { ...file, pre_tokenizer: { type: 'Sequence', pretokenizers: [{ ...split, pattern: {} }, byteLevel] } }]
  ]
  for (const [message, refused] of refusals) t.throws(() => read(refused), { message })
})

await t.test('a vocabulary with holes refuses the ids in them', async t => {
  const { file } = parts(plain)
  const tokenizer = new Tokenizer(vocabularyFromHuggingFace(JSON.stringify({ ...file, added_tokens: [{ id: 999, content: '<far>' }] })))
  t.equal(tokenizer.vocabularySize, 1000)
  t.strictSame(tokenizer.encode('<far>', { control: 'token' }), [999])
  t.throws(() => tokenizer.bytesOf(998), { name: 'RangeError' })
})

await t.test('without control tokens nothing is one', async t => {
  const { file } = parts(plain)
  const tokenizer = new Tokenizer(vocabularyFromHuggingFace(JSON.stringify({ ...file, added_tokens: [] })))
  t.strictSame(tokenizer.encode('<t>', { control: 'token' }), tokenizer.encode('<t>'))
})
