import fc from 'fast-check'
import t from 'tap'
import { BlockChain, blockTokens } from '../../src/dispatch/block-chain.js'
import { PromptChains } from '../../src/dispatch/prompt-chains.js'

function hashesOf (tokenIds: readonly number[], salt = ''): readonly number[] {
  const chain = new BlockChain(salt)
  chain.add(tokenIds)
  return chain.hashes
}

await t.test('chains are those of hashing, whatever was remembered', async () => {
  // Few different tokens and lengths, so that turns, branches and edits of one history are frequent.
  const prompt = fc.array(fc.constantFrom(1, 2), { minLength: 1, maxLength: 6 }).map(pieces => pieces.flatMap(piece => Array.from({ length: 100 }, (_, position) => piece * 1000 + position)))
  fc.assert(fc.property(fc.array(fc.tuple(prompt, fc.constantFrom('a', 'b'), fc.constantFrom(null, 's')), { maxLength: 20 }), prompts => {
    const chains = new PromptChains({ minTokens: 100, keptTokens: 2000 })
    return prompts.every(([tokenIds, salt, session]) => {
      const chain = chains.chainOf(tokenIds, { salt, session })
      return JSON.stringify(chain.hashes) === JSON.stringify(hashesOf(tokenIds, salt)) && chain.length === tokenIds.length && chains.tokens <= 2000
    })
  }), { numRuns: 100 })
})

await t.test('a chain that is gone on with does not change what is remembered', async t => {
  const chains = new PromptChains({ minTokens: 1 })
  const prompt = Array.from({ length: 2 * blockTokens + 10 }, (_, position) => position)
  chains.chainOf(prompt).add(Array.from({ length: blockTokens }, () => 5))
  const next = [...prompt, ...prompt]
  t.same(chains.chainOf(next).hashes, hashesOf(next))
})

await t.test('a conversation takes the place of its last turn', async t => {
  const chains = new PromptChains({ minTokens: 1 })
  const turn = (turns: number): number[] => Array.from({ length: turns * 300 }, (_, position) => position)
  for (let turns = 1; turns <= 20; turns++) chains.chainOf(turn(turns), { session: 's' })
  t.equal(chains.tokens, 20 * 300)
})
