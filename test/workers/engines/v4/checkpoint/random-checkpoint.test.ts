import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { loadTokenizer } from '../../../../../src/language/tokenizer/load-tokenizer.js'
import { createCheckpointLanguage } from '../../../../../src/language/create-checkpoint-language.js'
import { countParameters } from '../../../../../workers/engines/v4/describe-checkpoint.js'
import { openCheckpoint } from '../../../../../workers/engines/v4/checkpoint/open-checkpoint.js'
import { writeRandomCheckpoint } from '../../../../../workers/engines/v4/checkpoint/random-checkpoint.js'

await t.test('all formats of the releases, all kinds of layers, and it says that it is noise', async t => {
  const directory = t.testdir()
  const info = await writeRandomCheckpoint(directory, { tier: 'pro' })
  const checkpoint = await openCheckpoint(directory)
  await checkpoint.close()
  t.match(info, { name: 'pro-noise', tier: 'pro', trained: false, effortLadder: '0731' })
  t.same(checkpoint.info, info)
  t.equal(countParameters(checkpoint.tensors.values()), info.params)
  t.same([...new Set([...checkpoint.tensors.values()].map(({ type }) => type))].sort(), ['BF16', 'F32', 'F8_E4M3', 'F8_E8M0', 'I64', 'I8'])
  t.same(checkpoint.config.compressRatios, [0, 4, 128, 4])
})

await t.test('the same seed gives the same bytes, another seed others', async t => {
  const directories = t.testdir({ one: {}, same: {}, other: {} })
  for (const [folder, seed] of [['one', 3], ['same', 3], ['other', 4]] as const) await writeRandomCheckpoint(join(directories, folder), { tier: 'flash', seed })
  const weights = async (folder: string): Promise<Buffer> => await readFile(join(directories, folder, 'model.safetensors'))
  t.ok((await weights('one')).equals(await weights('same')))
  t.notOk((await weights('one')).equals(await weights('other')))
})

await t.test('its tokenizer spells anything, and knows what the language needs', async t => {
  const directory = t.testdir()
  await writeRandomCheckpoint(directory, { tier: 'flash', configKeys: { vocab_size: 300 } })
  const tokenizer = loadTokenizer({ directory })
  t.equal(tokenizer.vocabularySize, 300)
  for (const text of ['plain', 'größer 漢字 👩‍👩‍👧', '\0\n\t ']) t.equal(tokenizer.decode(tokenizer.encode(text)), text)
  for (let id = 0; id < 300; id++) t.ok(tokenizer.bytesOf(id).length > 0)
  const language = createCheckpointLanguage({ tokenizer, ladder: '0731' })
  t.equal(language.endOfSentenceId, 1)
  await language.close()
})
