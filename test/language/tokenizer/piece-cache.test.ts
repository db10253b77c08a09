import t from 'tap'
import { IdBuffer } from '../../../src/language/tokenizer/id-buffer.js'
import { PieceCache } from '../../../src/language/tokenizer/piece-cache.js'

function remember (cache: PieceCache, key: string, ids: number[]): void {
  const bytes = Buffer.from(key)
  const output = new IdBuffer(0)
  if (cache.appendKnown(bytes, 0, bytes.length, output)) return
  output.push(0)
  for (const id of ids) output.push(id)
  cache.rememberMissed(bytes, 0, bytes.length, output, 1)
}

function recall (cache: PieceCache, key: string): number[] | undefined {
  const ids = new IdBuffer(0)
  const bytes = Buffer.from(`<${key}>`)
  return cache.appendKnown(bytes, 1, bytes.length - 1, ids) ? [...ids.view()] : undefined
}

await t.test('gives back what it was given, and only that', async t => {
  const cache = new PieceCache()
  remember(cache, 'gear', [1, 2])
  remember(cache, 'gears', [3])
  t.strictSame(recall(cache, 'gear'), [1, 2])
  t.strictSame(recall(cache, 'gears'), [3])
  t.equal(recall(cache, 'gea'), undefined)
})

await t.test('however full it gets, an answer is right or missing', async t => {
  const cache = new PieceCache()
  let known = 0
  const idsOf = (index: number): number[] => Array.from({ length: 1 + index % 3 }, (_, position) => index + position)
  for (let index = 0; index < 400_000; index++) remember(cache, `piece ${index}`, idsOf(index))
  for (let index = 0; index < 400_000; index++) {
    const ids = recall(cache, `piece ${index}`)
    if (ids === undefined) continue
    known++
    if (ids.join() !== idsOf(index).join()) t.fail(`piece ${index} became ${ids.join()}`)
  }
  t.ok(known > 1000, `${known} are still known`)
  t.strictSame(recall(cache, 'piece 399999'), [399999])
})

await t.test('what was forgotten is not mistaken for what took its place', async t => {
  const cache = new PieceCache()
  // After each clearing, whatever piece comes first begins with the same byte as this one did, in the same place.
  remember(cache, 'x', [7])
  for (let index = 0; index < 200_000; index++) remember(cache, `x ${index}`, [index])
  t.equal(recall(cache, 'x'), undefined)
})
