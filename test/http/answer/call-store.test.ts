import t from 'tap'
import { createCallStore, restoreOwnCalls, type OwnCall } from '../../../src/http/answer/call-store.js'
import type { Conversation, Message } from '../../../src/language/conversation.js'

const call: OwnCall = { name: 'f', argumentsText: '{"a": 1}', rawText: '<raw>', reasoning: 'because' }

await t.test('the calls least recently used are forgotten first', async t => {
  const store = createCallStore({ maxCalls: 2, maxCharacters: 1000 })
  store.set('a', call)
  store.set('b', call)
  t.equal(store.get('a'), call)
  store.set('c', call)
  t.equal(store.get('b'), undefined)
  t.equal(store.get('a'), call)
  t.equal(store.get('c'), call)
})

await t.test('its text is bounded, whatever the number of calls', async t => {
  const store = createCallStore({ maxCalls: 100, maxCharacters: 50 })
  for (const id of ['a', 'b', 'c']) store.set(id, call)
  t.equal(store.get('a'), undefined)
  t.equal(store.get('c'), call)
  store.set('huge', { ...call, rawText: 'x'.repeat(60) })
  t.equal(store.get('huge'), undefined)
  t.equal(store.get('c'), call, 'a call that cannot be kept pushes nobody out')
  store.set('c', call)
  store.set('c', call)
  t.equal(store.get('c'), call, 'a call set again is counted once')
})

function conversationWith (message: Extract<Message, { role: 'assistant' }>): Conversation {
  return { messages: [message], tools: [], toolChoice: { kind: 'none' }, allowsParallelToolCalls: true, responseFormat: null }
}

await t.test('a call that comes back unchanged is replayed; a changed or unknown one is not', async t => {
  const store = createCallStore({ maxCalls: 10, maxCharacters: 1000 })
  store.set('a', call)
  const restore = (fields: Partial<{ id: string, name: string, argumentsText: string }>, reasoning: string | null) => restoreOwnCalls(
    conversationWith({ role: 'assistant', content: '', reasoning, isPrefix: false, toolCalls: [{ id: 'a', name: 'f', argumentsText: '{"a": 1}', ...fields }] }), store).messages[0]
  t.match(restore({}, null), { reasoning: 'because', toolCalls: [{ replayText: '<raw>' }] })
  t.match(restore({}, ''), { reasoning: 'because' })
  t.match(restore({ argumentsText: '{"a":1.0}' }, null), { toolCalls: [{ replayText: '<raw>' }] }, 'in another spelling')
  t.match(restore({}, 'mine'), { reasoning: 'mine', toolCalls: [{ replayText: '<raw>' }] })
  for (const changed of [{ id: 'b' }, { name: 'g' }, { argumentsText: '{"a": 2}' }, { argumentsText: 'a' }]) {
    const message = restore(changed, null)
    t.match(message, { reasoning: null })
    t.notOk(message?.role === 'assistant' && message.toolCalls[0]?.replayText !== undefined)
  }
})
