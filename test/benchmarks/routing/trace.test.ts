import t from 'tap'
import { readTrace } from '../../../benchmarks/routing/trace.js'

const azure = 'TIMESTAMP,ContextTokens,GeneratedTokens\r\n2023-11-16 18:17:03.9799600,4808,10\r\n2023-11-16 18:17:04.2319600,3180,8\r\n'
const azureOf2024 = 'TIMESTAMP,ContextTokens,GeneratedTokens\n2024-05-10 00:00:00.009930+00:00,2162,5\n2024-05-10 00:00:01.017335+00:00,2399,6\n'
const mooncake = [
  { timestamp: 27_482, input_length: 1324, output_length: 52, hash_ids: [46, 47, 48] },
  { timestamp: 30_535, input_length: 1636, output_length: 0, hash_ids: [46, 47, 49, 50] }
].map(row => JSON.stringify(row)).join('\n')

const shared = (one: readonly number[], other: readonly number[]): number => one.findIndex((hash, block) => hash !== other[block])

await t.test('Azure traces of both years', async t => {
  t.match(readTrace(azure), [{ at: 0, promptTokens: 4808, answerTokens: 10 }, { at: 252, promptTokens: 3180, answerTokens: 8 }])
  t.match(readTrace(azureOf2024).map(({ promptTokens, answerTokens }) => [promptTokens, answerTokens]), [[2162, 5], [2399, 6]])
  const [one, other] = readTrace(azure)
  t.equal(shared(one?.chain.hashes ?? [], other?.chain.hashes ?? []), 0, 'nothing is said of prefixes, so none is shared')
})

await t.test('Mooncake traces, with the prefixes that their hash ids tell', async t => {
  const [one, other] = readTrace(mooncake)
  t.match([one, other], [{ at: 0, promptTokens: 1324, answerTokens: 52 }, { at: 3053, promptTokens: 1636, answerTokens: 1 }])
  t.equal(one?.chain.hashes.length, Math.floor(1324 / 128))
  t.equal(shared(one?.chain.hashes ?? [], other?.chain.hashes ?? []), 2 * 512 / 128, 'two ids of 512 tokens')
  t.equal(readTrace(mooncake, 1).length, 1)
})

await t.test('a bad line is named by its number in the file', async t => {
  t.throws(() => readTrace(`${azure}2023-11-16 18:17:05,many,3\r\n`), { message: /^line 4 / })
  t.throws(() => readTrace(`${azure}yesterday,5,3\r\n`), { message: /^line 4 / })
  t.throws(() => readTrace(`${azure}\r\n2023-11-16 18:17:05,5\r\n`), { message: /^line 5 / }, 'empty lines count')
  t.throws(() => readTrace(`${mooncake}\n{"timestamp":1}`), { message: /^line 3 / })
  t.throws(() => readTrace(`${mooncake}\nnot json`), { message: /^line 3 / })
})
