import fc from 'fast-check'
import t from 'tap'
import { BlockChain, blockTokens } from '../../src/dispatch/block-chain.js'
import { PrefixIndex } from '../../src/dispatch/prefix-index.js'

function hashesOf (...blocks: number[]): readonly number[] {
  const chain = new BlockChain('')
  for (const block of blocks) chain.add(Array.from({ length: blockTokens }, () => block))
  return chain.hashes
}

await t.test('it knows how far a prompt is the same as one that was sent', async t => {
  const index = new PrefixIndex()
  index.insert(hashesOf(1, 2, 3))
  t.equal(index.match(hashesOf(1, 2, 3, 4)), 3)
  t.equal(index.match(hashesOf(1, 2, 9, 3)), 2)
  t.equal(index.match(hashesOf(2, 3)), 0)
  t.equal(index.match([]), 0)
  t.equal(index.expectedTokens(hashesOf(1, 2), 2 * blockTokens), 2 * blockTokens - 1, 'one token is left to compute')
})

await t.test('what was used least recently goes first, the end of a prompt before its beginning', async t => {
  const index = new PrefixIndex({ assumedCapacityTokens: 5 * blockTokens })
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
    const index = new PrefixIndex({ assumedCapacityTokens: capacity * blockTokens })
    for (const blocks of prompts) index.insert(hashesOf(...blocks))
    const hashes = hashesOf(...asked)
    let known = 0
    while (known < hashes.length && index.match(hashes.slice(known, known + 1)) === 1) known++
    return index.size <= capacity && index.match(hashes) === known
  }), { numRuns: 200 })
})

await t.test('the worker\'s memory bounds it, once the worker tells', async t => {
  const index = new PrefixIndex()
  index.insert(hashesOf(1, 2, 3, 4))
  index.setCapacity(null)
  t.equal(index.size, 4)
  index.setCapacity(2 * blockTokens)
  t.equal(index.match(hashesOf(1, 2, 3, 4)), 2)
})

await t.test('a worker that finds less than was sent is believed less', async t => {
  const index = new PrefixIndex()
  const hashes = hashesOf(1, 2, 3, 4)
  index.insert(hashes)
  const matchedTokens = 4 * blockTokens
  for (let job = 0; job < 50; job++) index.learn({ matchedTokens, cachedTokens: 0 })
  t.ok(index.expectedTokens(hashes, 1000) < matchedTokens / 3, 'a dead cache attracts nobody')
  for (let job = 0; job < 50; job++) index.learn({ matchedTokens, cachedTokens: 3 * blockTokens })
  t.ok(index.trust > 0.98, 'larger blocks of the worker are no miss')
  index.learn({ matchedTokens: blockTokens, cachedTokens: 0 })
  t.ok(index.trust > 0.98, 'too little to learn from')
})
