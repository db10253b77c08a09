import fc from 'fast-check'
import t from 'tap'
import { BlockChain, blockTokens } from '../../src/dispatch/block-chain.js'

const ids = fc.array(fc.nat({ max: 129_279 }), { maxLength: 5 * blockTokens })

function chainOf (tokenIds: number[], salt = ''): BlockChain {
  const chain = new BlockChain(salt)
  chain.add(tokenIds)
  return chain
}

await t.test('one hash for each full block, however the tokens came', async () => {
  fc.assert(fc.property(ids, fc.nat({ max: 5 * blockTokens }), (tokenIds, cut) => {
    const whole = chainOf(tokenIds)
    const pieces = new BlockChain('')
    pieces.add(tokenIds.slice(0, cut))
    pieces.add(tokenIds, Math.min(cut, tokenIds.length))
    return whole.hashes.length === Math.floor(tokenIds.length / blockTokens) && JSON.stringify(whole.hashes) === JSON.stringify(pieces.hashes)
  }), { numRuns: 50 })
})

await t.test('a chain can be taken up again at any block', async () => {
  fc.assert(fc.property(fc.array(fc.nat(), { minLength: 3 * blockTokens, maxLength: 4 * blockTokens }), fc.integer({ min: 1, max: 3 }), (tokenIds, blocks) => {
    const again = chainOf(tokenIds, 'salt').upTo(blocks)
    again.add(tokenIds, blocks * blockTokens)
    return JSON.stringify(again.hashes) === JSON.stringify(chainOf(tokenIds, 'salt').hashes) && again.length === tokenIds.length
  }), { numRuns: 50 })
  t.throws(() => chainOf([1]).upTo(1), RangeError)
})

await t.test('a different token changes its own block and all after it; another salt all of them', async t => {
  const tokenIds = Array.from({ length: 4 * blockTokens }, (_, position) => position)
  const other = tokenIds.with(blockTokens + 5, 7)
  const [one, two, salted] = [chainOf(tokenIds).hashes, chainOf(other).hashes, chainOf(tokenIds, 'key').hashes]
  t.same(one.map((hash, block) => hash === two[block]), [true, false, false, false])
  t.same(one.map((hash, block) => hash === salted[block]), [false, false, false, false])
  t.ok(one.every(Number.isSafeInteger))
})
