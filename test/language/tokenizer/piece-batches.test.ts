import fc from 'fast-check'
import t from 'tap'
import { promptText, type Piece } from '../../../src/language/render/rendered-prompt.js'
import { packInBatches, unpackPieces } from '../../../src/language/tokenizer/piece-batches.js'

const piece: fc.Arbitrary<Piece> = fc.record({ kind: fc.constantFrom('template', 'data'), text: fc.string() })

/** Each unit of a prompt with the kind of its piece. */
const units = (pieces: Piece[]): string => pieces.map(({ kind, text }) => text.replace(/[^]/g, unit => `${kind}${unit}`)).join('')

const cut = (pieces: Piece[], limit: number): Piece[][] => Array.from(packInBatches(pieces, limit), unpackPieces)

const lengthOf = (pieces: Piece[]): number => promptText({ pieces, start: 'content', isContinuation: false }).length

await t.test('nothing is lost, moved or changed in kind, and no batch is over the limit', async t => {
  fc.assert(fc.property(fc.array(piece), fc.integer({ min: 1, max: 600 }), (pieces, limit) => {
    const batches = cut(pieces, limit)
    return units(batches.flat()) === units(pieces) && batches.every(batch => lengthOf(batch) <= limit)
  }))
  t.strictSame(cut([], 5), [])
})

await t.test('a long text makes few batches, many small pieces make more', async t => {
  const long: Piece[] = [{ kind: 'data', text: 'x'.repeat(10_000) }]
  t.strictSame(cut(long, 4000).map(lengthOf), [4000, 4000, 2000])
  const small: Piece[] = Array.from({ length: 100 }, () => ({ kind: 'data', text: 'x' }))
  t.strictSame(cut(small, 650).map(batch => batch.length), Array.from({ length: 10 }, () => 10))
})
