import t from 'tap'
import { BlockChain, blockTokens } from '../../src/dispatch/block-chain.js'
import { PrefixIndex } from '../../src/dispatch/prefix-index.js'

function hashesOf (...blocks: number[]): readonly number[] {
  const chain = new BlockChain('')
  for (const block of blocks) chain.add(Array.from({ length: blockTokens }, () => block))
  return chain.hashes
}

await t.test('one token of a prompt is left to compute', async t => {
  const index = new PrefixIndex()
  index.insert(hashesOf(1, 2))
  t.equal(index.expectedTokens(hashesOf(1, 2), 2 * blockTokens), 2 * blockTokens - 1)
  t.equal(index.expectedTokens(hashesOf(1, 2, 3), 3 * blockTokens), 2 * blockTokens)
})

await t.test('the worker\'s memory bounds it, once the worker tells', async t => {
  const index = new PrefixIndex()
  index.insert(hashesOf(1, 2, 3, 4))
  index.setCapacity(null)
  t.equal(index.size, 4)
  index.setCapacity(2 * blockTokens)
  t.equal(index.heldTokens(hashesOf(1, 2, 3, 4), 1000), 2 * blockTokens)
  t.equal(index.sentTokens(hashesOf(1, 2, 3, 4)), 4 * blockTokens, 'what was sent is remembered longer')
})

await t.test('a worker that finds less than was sent is believed less', async t => {
  const index = new PrefixIndex()
  const hashes = hashesOf(1, 2, 3, 4)
  index.insert(hashes)
  const heldTokens = 4 * blockTokens
  for (let job = 0; job < 50; job++) index.learn({ heldTokens, cachedTokens: 0 })
  t.ok(index.expectedTokens(hashes, 1000) < heldTokens / 3, 'a dead cache attracts nobody')
  for (let job = 0; job < 50; job++) index.learn({ heldTokens, cachedTokens: 3 * blockTokens })
  t.ok(index.trust > 0.98, 'larger blocks of the worker are no miss')
  index.learn({ heldTokens: blockTokens, cachedTokens: 0 })
  t.ok(index.trust > 0.98, 'too little to learn from')
})
