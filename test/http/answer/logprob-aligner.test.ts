import fc from 'fast-check'
import t from 'tap'
import { LogprobAligner } from '../../../src/http/answer/logprob-aligner.js'
import { tokenizer } from '../start-gateway.js'

const logprob = { logprob: -1, top: [] }

function alignerOver (ids: readonly number[]): LogprobAligner {
  const aligner = new LogprobAligner(id => tokenizer.bytesOf(id))
  aligner.push(ids, ids.map(() => logprob), ids.map(() => 'content' as const))
  return aligner
}

const bytesOf = (tokens: Array<{ bytes: number[] }>) => Buffer.from(tokens.flatMap(({ bytes }) => bytes))

await t.test('however the text is cut, tokens come with it, never before it, and all of them', async t => {
  t.doesNotThrow(() => fc.assert(fc.property(fc.string({ unit: 'grapheme', maxLength: 40 }), fc.array(fc.nat(10)), (text, cuts) => {
    const aligner = alignerOver(tokenizer.encode(text))
    const characters = [...text]
    let sent = ''
    let taken = Buffer.alloc(0)
    for (const count of [...cuts, characters.length]) {
      const piece = characters.splice(0, count).join('')
      sent += piece
      taken = Buffer.concat([taken, bytesOf(aligner.take([{ type: 'content', text: piece }]).content)])
      if (!Buffer.from(sent).subarray(0, taken.length).equals(taken)) return false
    }
    return taken.toString() === Buffer.from(text).toString()
  }), { numRuns: 300 }))
})

await t.test('a token whose text was dropped as markup goes along with its neighbour', async t => {
  const aligner = alignerOver([...tokenizer.encode('\n\n'), ...tokenizer.encode('Hello')])
  t.equal(bytesOf(aligner.take([{ type: 'content', text: 'Hello' }]).content).toString(), '\n\nHello')
})

await t.test('what is left at the end comes at the end', async t => {
  const aligner = alignerOver(tokenizer.encode('Hello'))
  t.strictSame(aligner.take([]).content, [])
  t.equal(aligner.rest().content.length, 1)
  t.strictSame(aligner.rest().content, [])
})

await t.test('impossible tokens are -9999, as upstream: JSON has no infinity', async t => {
  const aligner = new LogprobAligner(id => tokenizer.bytesOf(id))
  aligner.push(tokenizer.encode('a'), [{ logprob: -1, top: [{ id: 300, logprob: -Infinity }] }], ['reasoning'])
  t.equal(aligner.rest().reasoning[0]?.top_logprobs[0]?.logprob, -9999)
})
