import t from 'tap'
import { vocabularyFromHuggingFace } from '../../../src/language/tokenizer/from-hugging-face.js'
import { loadTokenizer } from '../../../src/language/tokenizer/load-tokenizer.js'
import { Tokenizer } from '../../../src/language/tokenizer/tokenizer.js'
import { readGoldens, writeV4TokenizerJson } from './vectors.js'

const goldens = readGoldens()
const builtIn = loadTokenizer('deepseek-v4')
const fromJson = new Tokenizer(vocabularyFromHuggingFace(writeV4TokenizerJson(builtIn.vocabulary.controlTokens)))

t.equal(goldens.length, 144)

await t.test('the built-in vocabulary gives the ids of the real V4 tokenizer', async t => {
  for (const { text, ids } of goldens) t.strictSame(builtIn.encode(text, { control: 'token' }), ids)
})

await t.test('ids turn back into the text', async t => {
  for (const { text, ids } of goldens) t.equal(builtIn.decode(ids), text)
})

await t.test('a tokenizer.json of the same vocabulary gives the same ids', async t => {
  for (const { text, ids } of goldens) t.strictSame(fromJson.encode(text, { control: 'token' }), ids)
})

await t.test('the compact file and the tokenizer.json hold the same vocabulary', async t => {
  const { vocabulary: compact } = builtIn
  const { vocabulary: json } = fromJson
  t.equal(compact.size, 129280)
  t.equal(json.size, compact.size)
  t.equal(Buffer.compare(compact.tokenBytes, json.tokenBytes), 0)
  t.strictSame(compact.tokenEnds, json.tokenEnds)
  t.strictSame(compact.byteIds, json.byteIds)
  t.strictSame(compact.splitPatterns, json.splitPatterns)
  for (const column of ['left', 'right', 'result'] as const) t.ok(compact.merges[column].every((id, rank) => json.merges[column][rank] === id), column)
})

await t.test('ids that prompts and parsers rely on', async t => {
  const expected: Array<[string, number]> = [['.\n\n', 339], ['\n\n', 271], ['>\n', 1018], ['">\n', 3816], ['">\n\n', 32572], ['</', 1718], ['<', 30], [' ', 223]]
  for (const [text, id] of expected) t.strictSame(builtIn.encode(text), [id])
  t.strictSame(builtIn.encode('</｜DSML｜parameter>\n', { control: 'token' }), [1718, 128825, 41523, 1018])
})
