/** What stands around the answers: tokens, balance, probes, pages of other origins, and what is not served. */
import t from 'tap'
import { AccountService } from '../../src/accounts/account-service.js'
import { createKey } from '../../src/accounts/keys.js'
import { SqliteStore } from '../../src/stores/sqlite-store.js'
import { startGateway, tokenizer } from '../http/start-gateway.js'

const json = { 'content-type': 'application/json' }
const postTo = (url: string) => async (path: string, body: unknown) => {
  const response = await fetch(url + path, { method: 'POST', headers: json, body: JSON.stringify(body) })
  return { status: response.status, body: await response.json() as Record<string, unknown> & { error?: { code: string, param: string | null, message: string } } }
}

await t.test('/tokenize: a text, and messages as a chat would have them', async t => {
  const { url, sdk } = await startGateway(t)
  const post = postTo(url)
  const text = '<｜User｜> héllo'
  const { body } = await post('/tokenize', { model: 'deepseek-v4-flash', prompt: text, return_token_strs: true })
  t.strictSame(body['tokens'], [0, ...tokenizer.encode(text)])
  t.match(body, { count: tokenizer.encode(text).length + 1, max_model_len: 65_536 })
  t.equal((body['token_strs'] as string[]).slice(1).join(''), text)
  t.match((await post('/v1/tokenize', { prompt: text, add_special_tokens: false })).body, { tokens: tokenizer.encode(text), token_strs: null })

  const chat = { model: 'deepseek-chat', messages: [{ role: 'user' as const, content: 'Hello' }] }
  const counted = await post('/tokenize', chat)
  t.equal(counted.body['count'], (await sdk().chat.completions.create(chat)).usage?.prompt_tokens)
  t.match((await post('/detokenize', { tokens: counted.body['tokens'] })).body, { prompt: '<｜begin▁of▁sentence｜><｜User｜>Hello<｜Assistant｜></think>' })
})

await t.test('/tokenize and /detokenize refuse', async t => {
  const post = postTo((await startGateway(t)).url)
  for (const [path, body, status, param] of [
    ['/tokenize', {}, 400, 'prompt'],
    ['/tokenize', { prompt: 1 }, 422, 'prompt'],
    ['/tokenize', { messages: [{ role: 'x' }] }, 422, 'messages[0].role'],
    ['/tokenize', { model: 'gpt-9', prompt: 'x' }, 400, 'model'],
    ['/detokenize', { tokens: [1e9] }, 400, 'tokens[0]'],
    ['/detokenize', { tokens: [-1] }, 400, 'tokens[0]'],
    ['/detokenize', { tokens: ['a'] }, 422, 'tokens[0]'],
    ['/detokenize', {}, 400, 'tokens']
  ] as const) {
    const answer = await post(path, body)
    t.match(answer, { status, body: { error: { param } } }, `${path} ${JSON.stringify(body)}`)
  }
})

await t.test('/user/balance: strings, and truthful without a budget', async t => {
  const { url } = await startGateway(t)
  t.strictSame(await (await fetch(`${url}/user/balance`)).json(), { is_available: true, balance_infos: [{ currency: 'USD', total_balance: '0.00', granted_balance: '0.00', topped_up_balance: '0.00' }] })

  const store = new SqliteStore({ path: ':memory:' })
  const accounts = new AccountService({ store })
  t.after(async () => { await accounts.close() })
  const keyed = await startGateway(t, { accounts })
  const balanceOf = async (nanoUsdPerDay: number) => {
    const { secret } = await createKey(store, { orgId: 'o', name: 'n', limits: { nanoUsdPerDay } })
    return await (await fetch(`${keyed.url}/v1/user/balance`, { headers: { authorization: `Bearer ${secret}` } })).json()
  }
  t.match(await balanceOf(12_340_000_000), { is_available: true, balance_infos: [{ total_balance: '12.34' }] })
  t.match(await balanceOf(0), { is_available: false, balance_infos: [{ total_balance: '0.00' }] })
  t.equal((await fetch(`${keyed.url}/user/balance`)).status, 401)
})

await t.test('what is not served is a clean 404, whatever the body', async t => {
  const { url, sdk } = await startGateway(t)
  await t.rejects(sdk().embeddings.create({ model: 'deepseek-v4-flash', input: 'x' }), { status: 404, code: 'unknown_path', message: /Embeddings/ })
  for (const path of ['/v1/embeddings', '/rerank', '/v1/rerank', '/v1/images/generations', '/v1/audio/speech', '/v1/moderations', '/v1/nothing']) {
    const response = await fetch(url + path, { method: 'POST', headers: { 'content-type': 'audio/mpeg' }, body: 'x' })
    t.equal(response.status, 404, path)
    t.match(await response.json(), { error: { type: 'invalid_request_error', code: 'unknown_path', param: null } })
  }
})

await t.test('HEAD, OPTIONS, slashes at the end, and /ping', async t => {
  const { url } = await startGateway(t)
  for (const path of ['/health', '/ping', '/version', '/v1/models', '/models', '/user/balance']) {
    const response = await fetch(url + path, { method: 'HEAD' })
    t.equal(response.status, 200, path)
    t.equal(await response.text(), '')
  }
  for (const path of ['/v1/chat/completions', '/chat/completions/', '/v1/completions', '/tokenize', '/v1/models']) {
    const response = await fetch(url + path, { method: 'OPTIONS' })
    t.equal(response.status, 204, path)
    t.match(response.headers.get('allow'), /OPTIONS/)
  }
  t.equal((await fetch(`${url}/ping`, { method: 'POST' })).status, 200)
  t.equal((await fetch(`${url}/v1/models/`)).status, 200)
})

await t.test('pages of other origins: none by default, those named otherwise', async t => {
  const origin = 'https://chat.example.org'
  const preflight = { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization,content-type' }
  const allowedBy = async (url: string, headers: Record<string, string>, method = 'GET') => {
    const response = await fetch(`${url}/v1/models`, { method, headers })
    return [response.status, response.headers.get('access-control-allow-origin')]
  }
  const closed = await startGateway(t)
  t.strictSame(await allowedBy(closed.url, { origin }), [200, null])
  const named = await startGateway(t, { settings: { corsOrigins: [origin] }, verifyKey: () => null })
  const response = await fetch(`${named.url}/v1/chat/completions`, { method: 'OPTIONS', headers: preflight })
  t.equal(response.status, 204, 'a browser asks without the key')
  t.match(Object.fromEntries(response.headers), { 'access-control-allow-origin': origin, 'access-control-allow-headers': 'authorization,content-type', 'access-control-allow-methods': /POST/, vary: 'Origin' })
  t.strictSame(await allowedBy(named.url, { origin }), [401, origin], 'an error can be read too')
  t.strictSame(await allowedBy(named.url, { origin: 'https://evil.example.org' }), [401, null])
  const open = await startGateway(t, { settings: { corsOrigins: ['*'] } })
  t.strictSame(await allowedBy(open.url, { origin }), [200, origin])
  const stream = await fetch(`${open.url}/v1/chat/completions`, { method: 'POST', headers: { ...json, origin }, body: JSON.stringify({ model: 'auto', stream: true, messages: [{ role: 'user', content: 'x' }] }) })
  t.equal(stream.headers.get('access-control-allow-origin'), origin, 'a stream too')
  t.match(stream.headers.get('access-control-expose-headers'), /x-request-id/)
  await stream.text()
})
