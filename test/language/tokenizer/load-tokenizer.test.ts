import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { loadTokenizer } from '../../../src/language/tokenizer/load-tokenizer.js'
import { readSmallTokenizers } from './vectors.js'

await t.test('reads the tokenizer.json of a checkpoint', async t => {
  const [small] = readSmallTokenizers()
  const directory = t.testdir({ 'tokenizer.json': JSON.stringify(small?.tokenizer) })
  const tokenizer = loadTokenizer({ directory })
  t.equal(tokenizer.decode(tokenizer.encode('the 12 cats')), 'the 12 cats')
})

await t.test('says which file is missing or wrong', async t => {
  const directory = t.testdir({})
  t.throws(() => loadTokenizer({ directory }), { code: 'ENOENT', path: join(directory, 'tokenizer.json') })
  writeFileSync(join(directory, 'tokenizer.json'), '{"model": {"type": "WordPiece"}}')
  t.throws(() => loadTokenizer({ directory }), { message: `${join(directory, 'tokenizer.json')}: model.type "WordPiece" is not supported: only byte-level BPE without a normalizer is` })
  writeFileSync(join(directory, 'tokenizer.json'), '{')
  t.throws(() => loadTokenizer({ directory }), { message: /tokenizer\.json: / })
})
