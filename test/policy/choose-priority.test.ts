import fc from 'fast-check'
import t from 'tap'
import { choosePriority, highestPriority, lowestPriority } from '../../src/policy/choose-priority.js'

const table: Array<[name: string, asked: number | null, maxPriority: number, chosen: number | null]> = [
  ['nobody has a word in it', null, 0, null],
  ['nobody asks, and the key may', null, 50, null],
  ['a caller may always wait', -10, 0, -10],
  ['a caller may not go first unless the key may', 10, 0, 0],
  ['nor further than the key may', 90, 50, 50],
  ['a key that waits, whoever asks for what', null, -20, -20],
  ['likewise', 90, -20, -20]
]
for (const [name, asked, maxPriority, chosen] of table) {
  await t.test(name, async t => { t.equal(choosePriority(asked, { maxPriority }), chosen) })
}

await t.test('never above what the key may, never above what was asked for', async () => {
  const priority = fc.integer({ min: lowestPriority, max: highestPriority })
  fc.assert(fc.property(priority, priority, (asked, maxPriority) => {
    const chosen = choosePriority(asked, { maxPriority }) ?? NaN
    return chosen <= maxPriority && chosen <= asked && (chosen === asked || chosen === maxPriority)
  }))
})
