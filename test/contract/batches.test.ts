/** Files and batches through the official SDK. */
import t from 'tap'
import type OpenAI from 'openai'
import { toFile } from 'openai'
import type { Batch } from 'openai/resources/batches'
import { AccountService } from '../../src/accounts/account-service.js'
import { createKey, revokeKey } from '../../src/accounts/keys.js'
import { createCallerFinder } from '../../src/http/key-verifier.js'
import { SqliteStore } from '../../src/stores/sqlite-store.js'
import { ledgerOf } from '../accounts/test-accounts.js'
import { endless, replies, says, startGateway } from '../http/start-gateway.js'
import { testBatches } from '../http/test-batches.js'

const endpoint = '/v1/chat/completions'

function requestLine (customId: string, body: object = {}, url = endpoint): string {
  return JSON.stringify({ custom_id: customId, method: 'POST', url, body: { model: 'deepseek-chat', messages: [{ role: 'user', content: `This is ${customId}` }], ...body } })
}

async function send (sdk: OpenAI, lines: string[], fields: object = {}): Promise<Batch> {
  const input = await sdk.files.create({ purpose: 'batch', file: await toFile(Buffer.from(lines.join('\n')), 'input.jsonl') })
  return await sdk.batches.create({ input_file_id: input.id, endpoint, completion_window: '24h', ...fields })
}

const ends = new Set(['completed', 'failed', 'expired', 'cancelled'])

async function untilEnd (sdk: OpenAI, id: string): Promise<Batch> {
  for (let tries = 0; tries < 2000; tries++) {
    const batch = await sdk.batches.retrieve(id)
    if (ends.has(batch.status)) return batch
    await new Promise(resolve => setTimeout(resolve, 10))
  }
  throw new Error('the batch does not end')
}

interface ResultLine { id: string, custom_id: string, response: { status_code: number, request_id: string, body: { id?: string, choices?: Array<{ message: { content: string } }>, error?: { code: string } } } | null, error: { code: string } | null }

async function resultsOf (sdk: OpenAI, fileId: string | null | undefined): Promise<ResultLine[]> {
  if (fileId === null || fileId === undefined) return []
  const text = await (await sdk.files.content(fileId)).text()
  return text.trim().split('\n').map(line => JSON.parse(line) as ResultLine)
}

await t.test('files: sent, listed, read, deleted', async t => {
  const batches = testBatches(t)
  const { sdk, url } = await startGateway(t, { batches })
  const files = []
  for (const name of ['a.jsonl', 'b.txt', 'c.txt']) files.push(await sdk().files.create({ purpose: name.startsWith('a') ? 'batch' : 'user_data', file: await toFile(Buffer.from(`content of ${name}`), name) }))
  const [first] = files
  t.match(first, { id: /^file-/, object: 'file', bytes: 18, filename: 'a.jsonl', purpose: 'batch', created_at: Number })
  t.equal(await (await sdk().files.content(first?.id ?? '')).text(), 'content of a.jsonl')
  t.same(await sdk().files.retrieve(first?.id ?? ''), first)
  const listed = []
  for await (const file of sdk().files.list({ limit: 2, order: 'asc' })) listed.push(file.filename)
  t.strictSame(listed, ['a.jsonl', 'b.txt', 'c.txt'], 'over two pages')
  t.strictSame((await sdk().files.list({ purpose: 'user_data' })).data.map(file => file.filename), ['c.txt', 'b.txt'])
  t.match(await sdk().files.delete(first?.id ?? ''), { id: first?.id, deleted: true })
  await t.rejects(sdk().files.retrieve(first?.id ?? ''), { status: 404, code: 'file_not_found' })
  t.equal((await fetch(`${url}/files`)).status, 200, 'without /v1 too')
})

await t.test('files that are refused leave nothing behind', async t => {
  const batches = testBatches(t, { maxFileBytes: 1000, maxFiles: 1 })
  const { sdk, url } = await startGateway(t, { batches })
  const send = async (purpose: string, bytes: number) => await sdk().files.create({ purpose: purpose as 'batch', file: await toFile(Buffer.alloc(bytes, 120), 'x') })
  await t.rejects(send('batch', 2000), { status: 413, code: 'request_too_large' })
  await t.rejects(send('fine-tune', 10), { status: 422, code: 'invalid_type', param: 'purpose' })
  const statusOf = async (headers: Record<string, string>, body: string) => (await fetch(`${url}/v1/files`, { method: 'POST', headers, body })).status
  t.equal(await statusOf({ 'content-type': 'application/json' }, '{}'), 415)
  t.equal(await statusOf({ 'content-type': 'multipart/form-data; boundary=b' }, '--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\ncut'), 400)
  t.equal(await statusOf({ 'content-type': 'multipart/form-data' }, 'no boundary'), 400)
  t.equal(await statusOf({ 'content-type': 'multipart/form-data; boundary=b' }, '--b\r\nContent-Disposition: form-data; name="__proto__"\r\n\r\nx\r\n--b--\r\n'), 400)
  t.equal(await statusOf({ 'content-type': 'multipart/form-data; boundary=b' }, '--b\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n--b--\r\n'), 400, 'a form without a file')
  t.strictSame((await sdk().files.list()).data, [])
  await send('batch', 10)
  await t.rejects(send('batch', 10), { status: 400, code: 'invalid_value' })
  t.equal((await fetch(`${url}/v1/files?limit=x`)).status, 422)
})

await t.test('a batch: every request answered once, at the lowest priority', async t => {
  const batches = testBatches(t)
  const { sdk, jobs } = await startGateway(t, { batches, answer: replies(prompt => `Answer to ${/This is (\S+?)</.exec(prompt)?.[1] ?? '?'}`) })
  const ids = Array.from({ length: 25 }, (_, index) => `r-${index}`)
  const lines = ids.map(id => requestLine(id, id === 'r-7' ? { temperature: 9 } : {}))
  const created = await send(sdk(), lines, { metadata: { project: 'x' } })
  t.match(created, { id: /^batch_/, object: 'batch', endpoint, completion_window: '24h', status: 'validating', metadata: { project: 'x' }, errors: null, output_file_id: null, request_counts: { total: 0, completed: 0, failed: 0 } })
  const batch = await untilEnd(sdk(), created.id)
  t.match(batch, { status: 'completed', request_counts: { total: 25, completed: 24, failed: 1 }, in_progress_at: Number, finalizing_at: Number, completed_at: Number })
  const output = await resultsOf(sdk(), batch.output_file_id)
  t.strictSame(output.map(line => line.custom_id), ids.filter(id => id !== 'r-7'), 'in the order of the input')
  for (const { custom_id: customId, response, error } of output) {
    t.equal(response?.body.choices?.[0]?.message.content, `Answer to ${customId}`)
    t.equal(response?.status_code, 200)
    t.equal(error, null)
  }
  t.match(await resultsOf(sdk(), batch.error_file_id), [{ custom_id: 'r-7', response: { status_code: 400, body: { error: { code: 'invalid_value', param: 'temperature' } } }, error: null }])
  t.ok(jobs.every(job => job.priority === -100))
  t.same((await sdk().batches.list({ limit: 1 })).data.map(({ id }) => id), [batch.id])
  t.match(await sdk().files.retrieve(batch.output_file_id ?? ''), { purpose: 'batch_output', filename: `${batch.id}_output.jsonl` })
})

await t.test('text completions in a batch; schemas as they were written', async t => {
  const batches = testBatches(t)
  const { sdk, jobs } = await startGateway(t, { batches })
  const input = await sdk().files.create({ purpose: 'batch', file: await toFile(Buffer.from('\n{"custom_id":"a","method":"POST","url":"/v1/completions","body":{"model":"auto","prompt":[0,5.0,6]}}\r\n\n'), 'x') })
  const { id } = await sdk().batches.create({ input_file_id: input.id, endpoint: '/v1/completions', completion_window: '24h' })
  t.match(await untilEnd(sdk(), id), { status: 'completed', request_counts: { total: 1, completed: 1 } })
  t.strictSame(jobs[0]?.tokenIds, [0, 5, 6])
})

await t.test('responses in a batch, kept for the key that sent it', async t => {
  const batches = testBatches(t)
  const { sdk, jobs } = await startGateway(t, { batches, answer: says('Hello there.') })
  const lines = [requestLine('a', { messages: undefined, input: 'Hello', store: true }, '/v1/responses'), requestLine('b', { messages: undefined, input: 5 }, '/v1/responses')]
  const input = await sdk().files.create({ purpose: 'batch', file: await toFile(Buffer.from(lines.join('\n')), 'x') })
  const { id } = await sdk().batches.create({ input_file_id: input.id, endpoint: '/v1/responses', completion_window: '24h' })
  const batch = await untilEnd(sdk(), id)
  t.match(batch, { status: 'completed', request_counts: { total: 2, completed: 1, failed: 1 } })
  const [result] = await resultsOf(sdk(), batch.output_file_id)
  t.match(result, { custom_id: 'a', response: { status_code: 200, body: { object: 'response', status: 'completed', store: true } } })
  t.match(await resultsOf(sdk(), batch.error_file_id), [{ custom_id: 'b', response: { status_code: 422, body: { error: { code: 'invalid_type', param: 'input' } } } }])
  t.equal((await sdk().responses.retrieve(result?.response?.body.id ?? '')).output_text, 'Hello there.')
  t.equal(jobs[0]?.priority, -100)
})

for (const [name, lines, code, line] of [
  ['no JSON', ['{'], 'invalid_json_line', 1],
  ['no custom_id', [requestLine('a'), JSON.stringify({ method: 'POST', url: endpoint, body: {} })], 'invalid_request', 2],
  ['one custom_id twice', [requestLine('a'), requestLine('b'), requestLine('a')], 'duplicate_custom_id', 3],
  ['another endpoint', [requestLine('a', {}, '/v1/completions')], 'mismatched_endpoint', 1],
  ['a stream', [requestLine('a', { stream: true })], 'invalid_request', 1],
  ['nothing', ['', ' '], 'empty_file', null],
  ['an array', ['[]'], 'invalid_request', 1]
] as const) {
  await t.test(`a batch fails whose input has ${name}`, async t => {
    const batches = testBatches(t)
    const { sdk, jobs } = await startGateway(t, { batches })
    const batch = await untilEnd(sdk(), (await send(sdk(), [...lines])).id)
    t.match(batch, { status: 'failed', failed_at: Number, errors: { object: 'list', data: [{ code, line }] }, output_file_id: null, error_file_id: null })
    t.equal(jobs.length, 0)
  })
}

await t.test('cancel: what ran has its result, the rest says so', async t => {
  const batches = testBatches(t, { concurrency: 2 })
  const { source } = endless('And')
  let count = 0
  const { sdk } = await startGateway(t, { batches, answer: job => ++count <= 3 ? replies(() => 'Done')(job) : source(job) })
  const { id } = await send(sdk(), Array.from({ length: 10 }, (_, index) => requestLine(`c${index}`)))
  while ((await sdk().batches.retrieve(id)).request_counts?.completed !== 3) await new Promise(resolve => setTimeout(resolve, 5))
  t.match(await sdk().batches.cancel(id), { status: 'cancelling', cancelling_at: Number })
  const batch = await untilEnd(sdk(), id)
  t.match(batch, { status: 'cancelled', cancelled_at: Number })
  const [output, errors] = [await resultsOf(sdk(), batch.output_file_id), await resultsOf(sdk(), batch.error_file_id)]
  t.equal(output.length, 3)
  t.equal(errors.length, 7)
  t.ok(errors.every(line => line.response === null && line.error?.code === 'batch_cancelled'))
  await t.rejects(sdk().batches.cancel(id), { status: 400, code: 'invalid_value' })
})

await t.test('expiry, and off-peak hours', async t => {
  let nowMs = 1_800_000_000_000
  let isOffPeak = false
  const batches = testBatches(t, { nowMs: () => nowMs, isOffPeak: () => isOffPeak })
  const { sdk, jobs } = await startGateway(t, { batches })
  const waiting = await send(sdk(), [requestLine('a')], { metadata: { gearbox_hours: 'off-peak' }, completion_window: '10m' })
  const other = await send(sdk(), [requestLine('b')])
  t.equal((await untilEnd(sdk(), other.id)).status, 'completed', 'others do not wait for it')
  t.equal((await sdk().batches.retrieve(waiting.id)).status, 'in_progress')
  isOffPeak = true
  const woken = await send(sdk(), [requestLine('c')])
  t.equal((await untilEnd(sdk(), waiting.id)).status, 'completed')
  t.equal((await untilEnd(sdk(), woken.id)).status, 'completed')
  t.equal(jobs.length, 3)

  isOffPeak = false
  const late = await sdk({ defaultHeaders: { 'x-gearbox-batch-hours': 'off-peak' } }).batches.create({ input_file_id: waiting.input_file_id, endpoint, completion_window: '24h' })
  nowMs += 25 * 3600 * 1000
  await send(sdk(), [requestLine('d')])
  const expired = await untilEnd(sdk(), late.id)
  t.equal(expired.status, 'expired')
  t.match(await resultsOf(sdk(), expired.error_file_id), [{ custom_id: 'a', response: null, error: { code: 'batch_expired' } }])
})

await t.test('keys: each sees its own, and a batch runs as its owner', async t => {
  const callers = new Map(['one', 'two'].map(keyId => [keyId, { keyId }]))
  const accountOf = (keyId: string) => ({ keyId, account: undefined }) as never
  let isValid = true
  const batches = testBatches(t, { findCaller: async keyId => isValid && callers.has(keyId) ? accountOf(keyId) : null })
  const { sdk, jobs, url } = await startGateway(t, { batches, verifyKey: key => callers.has(key) ? accountOf(key) : null })
  const [one, two] = [sdk({ apiKey: 'one' }), sdk({ apiKey: 'two' })]
  const batch = await untilEnd(one, (await send(one, [requestLine('a')])).id)
  t.equal(batch.status, 'completed')
  await t.rejects(two.batches.retrieve(batch.id), { status: 404, code: 'batch_not_found' })
  await t.rejects(two.files.content(batch.output_file_id ?? ''), { status: 404, code: 'file_not_found' })
  t.strictSame((await two.files.list()).data, [])
  t.strictSame((await two.batches.list()).data, [])
  await t.rejects(two.batches.create({ input_file_id: batch.input_file_id, endpoint, completion_window: '24h' }), { status: 400, code: 'invalid_value', param: 'input_file_id' })
  await one.chat.completions.create({ model: 'deepseek-chat', messages: [{ role: 'user', content: 'x' }] })
  t.equal(jobs[0]?.cacheSalt, jobs[1]?.cacheSalt, 'the owner of the batch and the caller share a cache')
  t.equal((await fetch(`${url}/v1/models`, { headers: { 'x-gearbox-ticket': 'guessed' } })).status, 401)
  isValid = false
  const orphan = await untilEnd(one, (await send(one, [requestLine('a')])).id)
  t.match(await resultsOf(one, orphan.error_file_id), [{ response: { status_code: 401, body: { error: { code: 'invalid_api_key' } } } }])
})

await t.test('a batch is in the ledger of the key that made it, until the key is revoked', async t => {
  const store = new SqliteStore({ path: ':memory:' })
  const accounts = new AccountService({ store })
  const batches = testBatches(t, { findCaller: createCallerFinder(() => [], store) })
  t.after(async () => { await accounts.close() })
  const { sdk } = await startGateway(t, { batches, accounts })
  const { record, secret } = await createKey(store, { orgId: 'o', name: 'n' })
  const own = sdk({ apiKey: secret })
  const { id } = await untilEnd(own, (await send(own, [requestLine('a'), requestLine('b')])).id)
  const entries = await ledgerOf(store)
  t.match(entries, [{ keyId: record.id, outcome: 'completed' }, { keyId: record.id, outcome: 'completed' }])
  t.strictSame(entries.map(entry => entry.requestId).sort(), [`${id.replace('batch_', 'batch_req_')}_1`, `${id.replace('batch_', 'batch_req_')}_2`])
  const find = createCallerFinder(() => ['abcdefabcdef00'], store)
  t.match(await find(record.id), { keyId: record.id, account: { key: { id: record.id }, org: { id: 'o' } } })
  t.match(await find('abcdefabcdef'), { keyId: 'abcdefabcdef' }, 'a key of the configuration')
  t.equal(await find('nobody'), null)
  await revokeKey(store, record.id)
  t.equal(await find(record.id), null)
})

await t.test('a gateway that is busy or going away makes a batch wait, not fail', async t => {
  let refusals = 3
  const batches = testBatches(t)
  const { sdk, jobs } = await startGateway(t, {
    batches,
    isDraining: () => batches.stores.batches.unfinished().some(({ status }) => status === 'in_progress') && jobs.length === 0 && refusals-- > 0
  })
  const { id } = await send(sdk(), [requestLine('a')])
  let batch = batches.stores.batches.find(id)
  for (let tries = 0; tries < 4000 && batch?.status !== 'completed'; tries++) {
    await new Promise(resolve => setTimeout(resolve, 10))
    batch = batches.stores.batches.find(id)
  }
  t.match(batch?.finalCounts, { completed: 1, failed: 0 })
  t.ok(refusals <= 0, 'it was turned away before')
})

for (const [name, fields, expected] of [
  ['an unknown file', { input_file_id: 'file-x' }, { status: 400, code: 'invalid_value', param: 'input_file_id' }],
  ['an unknown endpoint', { endpoint: '/v1/embeddings' }, { status: 400, code: 'invalid_value', param: 'endpoint' }],
  ['an odd window', { completion_window: 'soon' }, { status: 400, code: 'invalid_value', param: 'completion_window' }],
  ['odd hours', { metadata: { gearbox_hours: 'never' } }, { status: 400, code: 'invalid_value', param: 'metadata.gearbox_hours' }],
  ['odd metadata', { metadata: { a: 1 } }, { status: 422, code: 'invalid_type', param: 'metadata.a' }]
] as const) {
  await t.test(`refused: ${name}`, async t => {
    const batches = testBatches(t)
    const { sdk } = await startGateway(t, { batches })
    await t.rejects(send(sdk(), [requestLine('a')], fields), expected)
  })
}
