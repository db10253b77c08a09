import t from 'tap'
import { createGroupMemory } from '../../../../../workers/engines/v4/ranks/group-memory.js'
import { RankGroupError, setWord, stopGroup, waitForWord } from '../../../../../workers/engines/v4/ranks/wait-for-word.js'

const shape = { rankCount: 2, maxRows: 1, exchangeFloats: 4, arithmetic: 'f32', slots: 1, blocksPerSequence: 1 } as const

await t.test('a word that was reached is not waited for, across the wrap of 32 bits too', async t => {
  const words = new Int32Array(createGroupMemory(shape).control)
  setWord(words, 3, -2147483648)
  const wait = { words, index: 3, spins: 1, deadlineMs: 5, what: 'counting' }
  t.doesNotThrow(() => { waitForWord({ ...wait, target: 2147483647 }) })
  t.throws(() => { waitForWord({ ...wait, target: -2147483647 }) }, { name: 'RankGroupError', message: 'no answer in 5 ms while counting' })
})

await t.test('a stopped group lets nobody wait', async t => {
  const { control } = createGroupMemory(shape)
  stopGroup(control)
  t.throws(() => { waitForWord({ words: new Int32Array(control), index: 4, target: 1, spins: 0, deadlineMs: Infinity, what: 'waiting' }) }, new RankGroupError('the group was stopped while waiting'))
})
