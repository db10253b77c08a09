/** A pool of our workers with a chat server behind it for the rush hour. */
import t from 'tap'
import type { DispatchEvent } from '../../src/dispatch/dispatch-event.js'
import { OpenAiAdapter } from '../../workers/engines/openai/openai-adapter.js'
import { RemoteEngine } from '../../workers/engines/remote/remote-engine.js'
import { SimulatorEngine } from '../../workers/engines/simulator/simulator-engine.js'
import { sendJson, sendStream, startWireServer } from '../workers/engines/remote/wire-server.js'
import { answerOf, makeRequest, never, startPool } from './start-pool.js'

const words = 'data: {"choices":[{"delta":{"content":"Hello"},"finish_reason":null}]}\n\ndata: {"choices":[{"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":1}}\n\ndata: [DONE]\n\n'
const chat = { messages: [{ role: 'user' as const, content: 'Hi' }], tools: [], toolChoice: { kind: 'auto' as const }, allowsParallelToolCalls: true, responseFormat: { kind: 'text' as const }, effort: 'none' as const, stopStrings: [] }

await t.test('the chat server gets a job only when the workers that take ids are full', async t => {
  const server = await startWireServer(t, {
    'GET /v1/models': (_body, response) => sendJson(response, 200, { data: [{ id: 'theirs' }] }),
    'POST /v1/chat/completions': (_body, response) => sendStream(response, words)
  })
  const served = { name: 'simulated', revision: 'r', trained: true, effortLadder: '0731' as const, vocabularySize: 129_280, contextTokens: 65_536 }
  const theirs = new RemoteEngine(await OpenAiAdapter.open({ url: `${server.url}/v1`, model: 'theirs', apiKey: null, served, startMs: 0, thinkingStyle: 'deepseek', constraints: [] }), { pollMs: 3_600_000 })
  t.after(async () => { await theirs.close() })
  const { dispatcher } = await startPool(t, [theirs, new SimulatorEngine()], { maxJobsPerWorker: 1 })
  const ask = makeRequest({ chat: () => chat })
  const texts = (events: DispatchEvent[]): string => events.map(event => event.type === 'text' ? event.text : '').join('')

  t.equal(texts((await answerOf(dispatcher, ask)).events), '', 'ours is free')
  const first = dispatcher.generate({ ...ask, requestId: 'first' }, never)
  await first.next()
  const { events } = await answerOf(dispatcher, { ...ask, requestId: 'second' })
  t.equal(texts(events), 'Hello')
  t.match(events.at(-1), { type: 'done', countedBy: 'engine', usage: { promptTokens: 9, completionTokens: 1 } })
  await first.return()
  t.equal((await answerOf(dispatcher, { ...ask, requestId: 'third' })).ids.length, 20)
})
