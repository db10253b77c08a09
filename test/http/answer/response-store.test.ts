import t from 'tap'
import { createResponseStore, type StoredResponse } from '../../../src/http/answer/response-store.js'

const limits = { maxResponses: 2, maxCharacters: 1000, maxAgeMs: 100 }
const stored = (id: string, fields: Partial<StoredResponse> = {}): StoredResponse => ({
  keyId: null,
  response: { id, object: 'response', created_at: 1, model: 'm', status: 'completed', output: [], usage: null, error: null },
  messages: [],
  ...fields
})

await t.test('the oldest make room for the newest', async t => {
  const store = createResponseStore(limits)
  for (const id of ['a', 'b', 'c']) await store.set(stored(id))
  t.equal(await store.get('a', null), null)
  t.match(await store.get('c', null), { response: { id: 'c' } })
  await store.set(stored('long', { messages: [{ role: 'user', content: 'x'.repeat(700) }] }))
  t.equal(await store.get('b', null), null)
  t.equal(await store.get('c', null), null, 'by their size, too')
  t.ok(await store.get('long', null))
  await store.set(stored('huge', { messages: [{ role: 'user', content: 'x'.repeat(2000) }] }))
  t.equal(await store.get('huge', null), null)
  t.ok(await store.get('long', null), 'what cannot be kept pushes nobody out')
})

await t.test('and all of them go when their time is over', async t => {
  let nowMs = 0
  const store = createResponseStore(limits, () => nowMs)
  await store.set(stored('a'))
  nowMs = 99
  t.ok(await store.get('a', null))
  nowMs = 100
  t.equal(await store.get('a', null), null)
  t.equal(await store.delete('a', null), false)
})

await t.test('a response belongs to a key', async t => {
  const store = createResponseStore(limits)
  await store.set(stored('a', { keyId: 'one' }))
  t.equal(await store.get('a', 'two'), null)
  t.equal(await store.get('a', null), null)
  t.equal(await store.delete('a', 'two'), false)
  t.equal(await store.delete('a', 'one'), true)
})
