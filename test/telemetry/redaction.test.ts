/** Everything that gateway and workers write while real requests with real keys pass, searched for those keys. */
import { once } from 'node:events'
import { connect } from 'node:net'
import { Writable } from 'node:stream'
import t from 'tap'
import { hashSecret } from '../../src/accounts/keys.js'
import { createKeyVerifier } from '../../src/http/key-verifier.js'
import { createLogger } from '../../src/telemetry/create-logger.js'
import { redactLine } from '../../src/telemetry/redact-line.js'
import { settled, startAdmin } from '../http/admin/start-admin.js'

const goodKey = 'gbx_kP3vX9mQ2rT7wZ1nB5cD8fG4hJ6lS0aE3uI7oY2tR9q'
const plainKey = 'correct-horse-battery-staple'
const wrongKey = 'sk-wrong0123456789abcdefghijklmnop'
const messages = [{ role: 'user', content: 'The secret word is xylophone.' }]

await t.test('no key, right or wrong, in any header, path or query, reaches a log or the operator\'s port', async t => {
  const lines: string[] = []
  const sink = new Writable({ write: (chunk, _encoding, done) => { lines.push(String(chunk)); done() } })
  const logger = createLogger('trace', sink)
  const { gateway, telemetry, adminUrl } = await startAdmin(t, { logger, verifyKey: createKeyVerifier([hashSecret(goodKey), hashSecret(plainKey)]) })
  const body = { model: 'auto', messages }

  for (const key of [goodKey, plainKey, wrongKey]) {
    await (await fetch(`${adminUrl}/admin/api/playground/chat`, { method: 'POST', headers: { 'content-type': 'application/json', 'x-playground-key': key }, body: JSON.stringify(body) })).text()
    for (const headers of [{ authorization: `Bearer ${key}` }, { authorization: `bearer  ${key}` }, { 'x-api-key': key }, { authorization: `Basic ${Buffer.from(`user:${key}`).toString('base64')}`, 'x-api-key': key }]) {
      await (await gateway.post(body, headers)).text()
      await (await gateway.post({ ...body, stream: true }, headers)).text()
      await (await gateway.post({ ...body, model: key }, headers)).text()
      await (await gateway.post('{', headers)).text()
      for (const path of [`/v1/models/${key}`, `/${key}`, `/v1/chat/completions?api_key=${key}`, `/v1/models?key=${key}`]) {
        await (await fetch(`${gateway.url}${path}`, { headers })).text()
      }
    }
  }
  const socket = connect(Number(new URL(gateway.url).port), '127.0.0.1')
  socket.write(`BROKEN ${goodKey}\r\nauthorization: Bearer ${goodKey}\r\n\r\n`)
  socket.resume()
  await once(socket, 'close')
  logger.error({ err: new Error(`connect to redis://default:${plainKey}@store:6379 failed`), headers: { authorization: `Bearer ${goodKey}` } }, 'a library spoke')
  await settled(telemetry)
  for (const path of ['/metrics', '/admin/api/decisions?limit=1000', '/admin/api/overview', '/admin/api/workers']) lines.push(await (await fetch(`${adminUrl}${path}`)).text())

  const written = lines.join('\n')
  t.ok(lines.filter(line => line.includes('request answered')).length > 80, 'requests were logged')
  t.ok(lines.filter(line => line.includes('job ended')).length > 5, 'workers logged too')
  for (const key of [goodKey, plainKey, wrongKey]) {
    t.notMatch(written, key)
    t.notMatch(written, Buffer.from(`user:${key}`).toString('base64'))
  }
  t.notMatch(written, 'xylophone')
})

await t.test('one line an answer, with what was decided and what it took', async t => {
  const lines: string[] = []
  const { gateway, telemetry } = await startAdmin(t, { logger: createLogger('info', { write: line => { lines.push(line) } }) })
  await (await gateway.post({ model: 'deepseek-v4-pro', messages, reasoning_effort: 'max' }, { 'x-request-id': 'request-1' })).text()
  await settled(telemetry)
  const answered = lines.map(line => JSON.parse(line) as Record<string, unknown>).filter(({ msg }) => msg === 'request answered')
  t.equal(answered.length, 1)
  t.match(answered[0], {
    reqId: 'request-1',
    method: 'POST',
    path: '/v1/chat/completions',
    status: 200,
    durationMs: Number,
    outcome: 'completed',
    jobId: String,
    tier: 'pro',
    tierReason: 'pinned-by-model',
    effort: 'max',
    effortReason: 'asked-by-body',
    checkpoint: 'pro-simulated',
    worker: 'pro-0',
    attempts: 1,
    queueMs: Number,
    firstTokenMs: Number,
    promptTokens: Number,
    completionTokens: Number,
    costNanoUsd: Number,
    finish: 'stop'
  })
})

await t.test('the sink knows keys by their shape and by their name', async t => {
  for (const [line, hidden] of [
    ['{"headers":{"authorization":"Bearer abcdefgh"}}', 'abcdefgh'],
    ['{"msg":"{\\"x-api-key\\":\\"abcdefgh\\"}"}', 'abcdefgh'],
    ['{"msg":"password: none, redis://user:hunter22@host/0"}', 'hunter22'],
    ['{"url":"/v1/models?api_key=abcdefgh&x=1"}', 'abcdefgh'],
    [`{"msg":"the key ${goodKey} was refused"}`, goodKey]
  ] as const) {
    const safe = redactLine(line)
    t.notMatch(safe, hidden)
    t.doesNotThrow(() => JSON.parse(safe))
  }
  const innocent = '{"tier":"flash","msg":"tokens at https://host:4318/v1/traces, basic facts"}'
  t.equal(redactLine(innocent), innocent)
})
