import fc from 'fast-check'
import t from 'tap'
import { BlockChain, blockTokens } from '../../src/dispatch/block-chain.js'
import { RecentBlocks } from '../../src/dispatch/recent-blocks.js'

function hashesOf (...blocks: number[]): readonly number[] {
  const chain = new BlockChain('')
  for (const block of blocks) chain.add(Array.from({ length: blockTokens }, () => block))
  return chain.hashes
}

await t.test('it knows how far a prompt is the same as one that was sent', async t => {
  const index = new RecentBlocks(100)
  index.insert(hashesOf(1, 2, 3))
  t.equal(index.match(hashesOf(1, 2, 3, 4)), 3)
  t.equal(index.match(hashesOf(1, 2, 9, 3)), 2)
  t.equal(index.match(hashesOf(2, 3)), 0)
  t.equal(index.match([]), 0)
})

await t.test('what was used least recently goes first, the end of a prompt before its beginning', async t => {
  const index = new RecentBlocks(5)
  index.insert(hashesOf(1, 2, 3))
  index.insert(hashesOf(7, 8))
  index.insert(hashesOf(1, 4))
  t.equal(index.size, 5)
  t.equal(index.match(hashesOf(1, 2, 3)), 2, 'its last block made room; the first is shared')
  index.insert(hashesOf(5))
  t.equal(index.match(hashesOf(1, 2, 3)), 1)
  t.equal(index.match(hashesOf(7, 8)), 2)
})

await t.test('no block outlives the one it follows, so that the longest match can be bisected', async () => {
  const prompt = fc.array(fc.nat({ max: 2 }), { minLength: 1, maxLength: 8 })
  fc.assert(fc.property(fc.array(prompt, { maxLength: 40 }), prompt, fc.integer({ min: 1, max: 12 }), (prompts, asked, capacity) => {
    const index = new RecentBlocks(capacity)
    for (const blocks of prompts) index.insert(hashesOf(...blocks))
    const hashes = hashesOf(...asked)
    let known = 0
    while (known < hashes.length && index.match(hashes.slice(known, known + 1)) === 1) known++
    return index.size <= capacity && index.match(hashes) === known
  }), { numRuns: 200 })
})
