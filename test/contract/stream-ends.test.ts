/** A stream never lies, and a client that leaves stops the work. */
import { once } from 'node:events'
import { connect } from 'node:net'
import t from 'tap'
import OpenAI from 'openai'
import { GatewayError } from '../../src/errors.js'
import { endless, idsOf, says, startGateway, type Gateway } from '../http/start-gateway.js'

const hello = { model: 'auto', thinking: { type: 'disabled' }, messages: [{ role: 'user' as const, content: 'Hello' }] }

/** The raw text of a streamed answer. */
async function rawStream (gateway: Gateway, fields: object = {}): Promise<string> {
  return await (await gateway.post({ ...hello, ...fields, stream: true })).text()
}

await t.test('a good stream is data lines and [DONE], nothing after it', async t => {
  const gateway = await startGateway(t)
  const response = await gateway.post({ ...hello, stream: true })
  t.match(Object.fromEntries(response.headers), { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache', 'x-accel-buffering': 'no', 'x-gearbox-worker': 'flash-0' })
  const lines = (await response.text()).split('\n\n')
  t.equal(lines.pop(), '')
  t.equal(lines.pop(), 'data: [DONE]')
  t.ok(lines.every(line => line.startsWith('data: {')))
})

await t.test('a worker that fails before the first token is an ordinary error, which the SDK retries', async t => {
  const fault = { kind: 'fail' as const, afterTokens: 0, event: { code: 'out-of-memory', message: 'no room', blame: 'worker' as const, retryable: false } }
  const gateway = await startGateway(t, { simulator: { faults: [fault] } })
  const error: unknown = await gateway.sdk().chat.completions.create({ ...hello, stream: true }).catch((thrown: unknown) => thrown)
  t.ok(error instanceof OpenAI.InternalServerError)
  t.match(error, { status: 502, code: 'worker_failed', type: 'server_error' })
})

await t.test('a worker that dies mid-stream ends in an error event that the SDK throws, without [DONE]', async t => {
  const fault = { kind: 'fail' as const, afterTokens: 3, event: { code: 'out-of-memory', message: 'secret details', blame: 'worker' as const, retryable: false } }
  const options = { answer: says('one two three four five'), simulator: { faults: [fault] }, dispatcher: { retries: { maxAttempts: 1 } } }
  const gateway = await startGateway(t, options)
  const pieces: string[] = []
  const error: unknown = await (async () => {
    for await (const chunk of await gateway.sdk().chat.completions.create({ ...hello, stream: true })) pieces.push(chunk.choices[0]?.delta.content ?? '')
    return null
  })().catch((thrown: unknown) => thrown)
  t.ok(error instanceof OpenAI.APIError)
  t.match(error, { code: /^worker_/, type: 'server_error' })
  t.equal(pieces.join(''), 'one two three', 'the partial answer is kept')

  const raw = await rawStream(gateway)
  t.notMatch(raw, '[DONE]')
  const last = JSON.parse(raw.trim().split('\n\n').at(-1)?.slice('data: '.length) ?? '') as object
  t.match(last, { object: 'chat.completion.chunk', choices: [{ finish_reason: 'error' }], error: { message: /\(request_id: .+\)$/, type: 'server_error', param: null, code: /^worker_/ } })
})

await t.test('a whole answer whose worker dies is an error, not half an answer', async t => {
  const gateway = await startGateway(t, { answer: says('one two three four'), simulator: { faults: [{ kind: 'cut', afterTokens: 2 }] }, dispatcher: { retries: { maxAttempts: 1 } } })
  const error: unknown = await gateway.sdk().chat.completions.create(hello).catch((thrown: unknown) => thrown)
  t.ok(error instanceof OpenAI.InternalServerError)
  t.match(error, { status: 502 })
})

await t.test('a silent stream sends comments', async t => {
  const { source } = endless('one')
  let calls = 0
  const gateway = await startGateway(t, {
    settings: { keepAliveMs: 20 },
    answer: job => calls++ === 0 ? { [Symbol.asyncIterator]: () => ({ next: async () => await new Promise(() => {}) }) } : source(job)
  })
  const leaving = new AbortController()
  const response = await fetch(`${gateway.url}/chat/completions`, { method: 'POST', signal: leaving.signal, headers: { 'content-type': 'application/json' }, body: JSON.stringify({ ...hello, stream: true }) })
  t.equal(response.status, 200)
  const reader = response.body?.getReader()
  let text = ''
  while (!text.includes(': keep-alive\n\n: keep-alive\n\n')) text += Buffer.from((await reader?.read())?.value ?? []).toString()
  t.notMatch(text, 'data:')
  leaving.abort()
})

await t.test('a silent whole answer sends blank lines that JSON allows', async t => {
  let finish: (ids: number[]) => void = () => {}
  const ids = new Promise<number[]>(resolve => { finish = resolve })
  const gateway = await startGateway(t, {
    settings: { jsonKeepAliveMs: 10 },
    answer: async function * () { yield * [...await ids, 1] }
  })
  const response = await gateway.post(hello)
  const reader = response.body?.getReader()
  const first = await reader?.read()
  t.match(Buffer.from(first?.value ?? []).toString(), /^\n+$/)
  t.equal(response.headers.get('x-gearbox-worker'), 'flash-0', 'a worker had taken the job')
  finish(idsOf('late'))
  let text = ''
  for (let piece = await reader?.read(); piece?.done === false; piece = await reader?.read()) text += Buffer.from(piece.value).toString()
  t.match(JSON.parse(text), { choices: [{ message: { content: 'late' } }] })
})

await t.test('a whole answer that fails after a blank line is cut off, so that nobody takes it for an answer', async t => {
  let fail: (error: Error) => void = () => {}
  const failure = new Promise<never>((_resolve, reject) => { fail = reject })
  failure.catch(() => {})
  const gateway = await startGateway(t, {
    settings: { jsonKeepAliveMs: 10 },
    dispatcher: { retries: { maxAttempts: 1 } },
    answer: async function * () { yield await failure }
  })
  const response = await gateway.post(hello)
  const body = response.text()
  fail(new Error('the engine broke'))
  await t.rejects(body, { name: 'TypeError' })
})

const leavers: Array<[name: string, leave: (gateway: Gateway) => Promise<void>]> = [
  ['in mid-stream', async gateway => {
    const stream = await gateway.sdk().chat.completions.create({ ...hello, stream: true })
    for await (const chunk of stream) if (chunk.choices[0]?.delta.content === ' two') break
  }],
  ['by aborting the SDK\'s stream', async gateway => {
    const stream = await gateway.sdk().chat.completions.create({ ...hello, stream: true })
    for await (const chunk of stream) if (chunk.id !== '') stream.controller.abort()
  }],
  ['in a whole answer', async gateway => {
    const leaving = new AbortController()
    const call = gateway.sdk().chat.completions.create(hello, { signal: leaving.signal }).catch((error: unknown) => error)
    await untilRunning(gateway)
    leaving.abort()
    await call
  }]
]

/** Until a worker runs a job: turns of the event loop, each of which lets sockets move. */
async function untilRunning ({ engines }: Gateway): Promise<void> {
  while (engines.flash.load().running === 0) await new Promise(resolve => setImmediate(resolve))
}

for (const [name, leave] of leavers) {
  await t.test(`a client that leaves ${name} stops the job`, async t => {
    const { source, stopped } = endless('one two three')
    const gateway = await startGateway(t, { answer: source })
    await leave(gateway)
    await stopped
    t.equal(gateway.jobs.length, 1)
    while ((gateway.engines.flash.load().running ?? 0) > 0) await new Promise(resolve => setImmediate(resolve))
    t.equal(gateway.jobs.length, 1, 'and nobody tries it again')
  })
}

await t.test('a client that leaves before the first token stops the job', async t => {
  let stop: () => void = () => {}
  const stopped = new Promise<void>(resolve => { stop = resolve })
  const gateway = await startGateway(t, {
    answer: () => ({
      [Symbol.asyncIterator]: () => ({
        next: async () => await new Promise(() => {}),
        return: async () => {
          stop()
          return { done: true, value: undefined }
        }
      })
    })
  })
  const leaving = new AbortController()
  const call = gateway.sdk().chat.completions.create({ ...hello, stream: true }, { signal: leaving.signal }).catch((error: unknown) => error)
  await untilRunning(gateway)
  leaving.abort()
  await stopped
  t.ok(await call instanceof OpenAI.APIUserAbortError)
  t.equal(gateway.jobs.length, 1)
})

await t.test('an answer that outlives the grace period ends in an error', async t => {
  const { source, stopped } = endless('one two')
  const stopping = new AbortController()
  const gateway = await startGateway(t, { answer: source, stopping: stopping.signal })
  const error: unknown = await (async () => {
    for await (const chunk of await gateway.sdk().chat.completions.create({ ...hello, stream: true })) {
      if (chunk.choices[0]?.delta.content === ' two') stopping.abort(new GatewayError('server_draining', 'The server is shutting down'))
    }
  })().catch((thrown: unknown) => thrown)
  t.ok(error instanceof OpenAI.APIError)
  t.match(error, { code: 'server_draining' })
  await stopped
})

await t.test('a client that stops reading is given up', async t => {
  // Long pieces fill the buffers of the system soon.
  const { source, stopped } = endless('one', ' extraordinarily'.repeat(4000))
  const gateway = await startGateway(t, { answer: source, contextTokens: 100_000_000, settings: { stalledClientMs: 50 } })
  const { port } = new URL(gateway.url)
  const socket = connect(Number(port), '127.0.0.1')
  t.teardown(() => socket.destroy())
  await once(socket, 'connect')
  const body = JSON.stringify({ ...hello, stream: true, max_tokens: 393_216 })
  socket.pause()
  socket.write(`POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`)
  await stopped
  t.equal(gateway.jobs.length, 1)
})
