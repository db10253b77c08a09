/** Both ways of merging give what the definition of BPE gives, whatever the order of ids. */
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import t from 'tap'
import { IdBuffer } from '../../../src/language/tokenizer/id-buffer.js'
import { ByteMerger } from '../../../src/language/tokenizer/merge-bytes.js'

interface Rules {
  byteIds: Int32Array
  merges: { left: Int32Array, right: Int32Array, result: Int32Array }
}

/** Rules over the bytes a, b and c; each joins two tokens that exist by then. Ids are scattered over a large range. */
const rulesArbitrary: fc.Arbitrary<Rules> = fc.array(fc.tuple(fc.nat(), fc.nat()), { maxLength: 30 }).map(choices => {
  const scatter = (position: number): number => (position * 7919 + 13) % 100003
  const byteIds = Int32Array.from({ length: 256 }, (_, byte) => scatter(byte))
  const known = ['a', 'b', 'c'].map(letter => scatter(letter.charCodeAt(0)))
  const rules = choices.map(([first, second], rank) => {
    const rule = [known[first % known.length] ?? 0, known[second % known.length] ?? 0, scatter(1000 - rank)] as const
    known.push(rule[2])
    return rule
  })
  const column = (index: 0 | 1 | 2): Int32Array => Int32Array.from(rules, rule => rule[index])
  return { byteIds, merges: { left: column(0), right: column(1), result: column(2) } }
})

/** BPE as it is defined: the rule of lowest rank that applies anywhere, at its leftmost place, until none does. */
function mergeByDefinition (text: string, { byteIds, merges }: Rules): number[] {
  const ids = Array.from(Buffer.from(text), byte => byteIds[byte] ?? 0)
  const lastRankOf = new Map(Array.from(merges.left, (left, rank) => [`${left} ${merges.right[rank] ?? 0}`, rank]))
  for (;;) {
    const ranks = ids.slice(1).map((id, index) => lastRankOf.get(`${ids[index] ?? 0} ${id}`) ?? Infinity)
    const lowest = Math.min(Infinity, ...ranks)
    if (lowest === Infinity) return ids
    ids.splice(ranks.indexOf(lowest), 2, merges.result[lowest] ?? 0)
  }
}

function merge (text: string, rules: Rules): number[] {
  const ids = new IdBuffer(0)
  const bytes = Buffer.from(`#${text}#`)
  new ByteMerger(rules).merge(bytes, 1, bytes.length - 1, ids)
  return [...ids.view()]
}

const letters = fc.constantFrom('a', 'b', 'c')

await t.test('short pieces', async () => {
  fc.assert(fc.property(rulesArbitrary, fc.string({ unit: letters, minLength: 1, maxLength: 96 }), (rules, text) => {
    return isDeepStrictEqual(merge(text, rules), mergeByDefinition(text, rules))
  }), { numRuns: 500 })
})

await t.test('long pieces', async () => {
  fc.assert(fc.property(rulesArbitrary, fc.string({ unit: letters, minLength: 97, maxLength: 300 }), (rules, text) => {
    return isDeepStrictEqual(merge(text, rules), mergeByDefinition(text, rules))
  }), { numRuns: 200 })
})
