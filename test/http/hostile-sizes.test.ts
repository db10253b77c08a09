/** Requests that are too slow or too large, over real sockets: always an answer, in the dialect of its path, never a 5xx. */
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { startGateway } from './start-gateway.js'

const dialects: Array<[path: string, withContent: (content: string) => object]> = [
  ['/v1/chat/completions', content => ({ messages: [{ role: 'user', content }] })],
  ['/v1/completions', content => ({ prompt: content })],
  ['/v1/responses', content => ({ input: content })],
  ['/v1/messages', content => ({ messages: [{ role: 'user', content }], max_tokens: 5 })]
]

/** What the server says before it hangs up. */
async function answerTo (url: string, head: string, body: string): Promise<string> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  socket.write(`${head}\r\nHost: x\r\n\r\n${body}`)
  return await text(socket)
}

await t.test('a body, or a header, that stops coming: 408', async t => {
  const { url } = await startGateway(t, { settings: { slowRequestMs: 500 } })
  for (const [path] of dialects) {
    const head = `POST ${path} HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 1000`
    const answer = await answerTo(url, head, '{"model":"auto",')
    t.match(answer, /^HTTP\/1\.1 408 [^]*x-request-id: [^]*connection: close\r\n\r\n\{"error":\{"message":".*","type":"invalid_request_error","param":null,"code":"request_timeout"\}\}$/, path)
  }
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  socket.write('POST /v1/chat/completions HTTP/1.1\r\nContent-Ty')
  t.match(await text(socket), /^HTTP\/1\.1 408 /)
})

await t.test('bodies of 64 MiB: read up to the limit, and not beyond', async t => {
  const { url } = await startGateway(t)
  const limit = 64 * 1024 * 1024
  const json = { 'content-type': 'application/json' }
  const frame = JSON.stringify({ model: 'auto', messages: [{ role: 'user', content: 'x' }], padding: '' })
  const fits = `${frame.slice(0, -2)}${'x'.repeat(limit - frame.length)}"}`
  const response = await fetch(`${url}/v1/chat/completions`, { method: 'POST', headers: json, body: fits })
  t.equal(response.status, 200, await response.text())
  for (const [path] of dialects) {
    const answer = await answerTo(url, `POST ${path} HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: ${limit + 1}`, '')
    t.match(answer, /^HTTP\/1\.1 413 [^]*request body is larger/, `${path}: by what is announced`)
  }
  let sent = 0
  const piece = new Uint8Array(1024 * 1024).fill(32)
  // As good as endless for the gateway; bounded, because the client's side may go on reading it after the connection is gone.
  const endless = new ReadableStream({
    pull (controller) {
      if (sent++ < 200) controller.enqueue(piece)
      else controller.close()
    }
  })
  const unannounced = await fetch(`${url}/v1/chat/completions`, { method: 'POST', headers: json, body: endless, duplex: 'half' }).then(async reply => reply.status, () => 'hung up')
  t.ok(unannounced === 413 || unannounced === 'hung up', String(unannounced))
  t.ok(sent >= 64 && sent < 200, `${sent} MiB`)
})

await t.test('a prompt of a million tokens', async t => {
  const { url } = await startGateway(t)
  const long = ' word'.repeat(1_000_000)
  for (const [path, withContent] of dialects) {
    const response = await fetch(url + path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ model: 'auto', ...withContent(long) }) })
    t.equal(response.status, 400, path)
    t.match(await response.text(), /maximum context length is 65536 tokens. However, you requested 100\d{4} tokens|prompt is too long: 100\d{4} tokens > 65536 maximum/)
  }
})

await t.test('ten thousand tools', async t => {
  const { url } = await startGateway(t)
  const names = Array.from({ length: 10_000 }, (_, index) => `f${index}`)
  const tools: Record<string, object[]> = {
    '/v1/chat/completions': names.map(name => ({ type: 'function', function: { name } })),
    '/v1/responses': names.map(name => ({ type: 'function', name })),
    '/v1/messages': names.map(name => ({ name, input_schema: { type: 'object' } }))
  }
  for (const [path, withContent] of dialects.filter(([path]) => path in tools)) {
    const response = await fetch(url + path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ model: 'auto', ...withContent('x'), tools: tools[path] }) })
    t.equal(response.status, 400, path)
    t.match(await response.text(), /at most \d+ tools are allowed/)
  }
})
