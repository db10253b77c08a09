import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { answeredLine, finalizeBatch } from '../../src/batches/batch-results.js'
import { readRequests } from '../../src/batches/read-requests.js'
import type { BatchRecord } from '../../src/stores/batch-store.js'
import { openBatchStores } from '../../src/stores/open-batch-stores.js'

const record: BatchRecord = {
  id: 'batch_1',
  owner: '',
  status: 'in_progress',
  endpoint: '/v1/x',
  inputFileId: 'file-1',
  completionWindow: '24h',
  hours: 'any',
  metadata: null,
  errors: [],
  total: 2,
  finalCounts: null,
  outputFileId: null,
  errorFileId: null,
  createdAt: 1,
  expiresAt: 2,
  reachedAt: {}
}
const folder = await mkdtemp(join(tmpdir(), 'results-'))
t.teardown(async () => { await rm(folder, { recursive: true, force: true }) })

await t.test('a process that dies between files and status leaves a batch that ends the same', async t => {
  const before = openBatchStores(folder)
  before.batches.create(record)
  before.batches.addLines(record.id, ['a', 'b'].map((customId, line) => ({ line, customId, request: '{}' })))
  const answer = (customId: string, statusCode: number): string => answeredLine(customId, customId, { statusCode, requestId: 'r', body: '{}' })
  t.ok(before.batches.recordResult(record.id, 0, 'completed', answer('a', 200)))
  t.notOk(before.batches.recordResult(record.id, 0, 'failed', answer('a', 500)), 'a second result does not count')
  t.ok(before.batches.recordResult(record.id, 1, 'failed', answer('b', 400)))
  await before.files.write('file-batch_1-output', Readable.from(['half of it']))
  before.close()

  const after = openBatchStores(folder)
  t.strictSame(await readdir(join(folder, 'files')), [], 'bytes that nobody knows of are swept')
  await finalizeBatch({ store: after.batches, files: after.files, record, end: 'completed', nowMs: () => 5000 })
  await finalizeBatch({ store: after.batches, files: after.files, record, end: 'cancelled', nowMs: () => 6000 })
  const ended = after.batches.find(record.id)
  t.match(ended, { status: 'completed', finalCounts: { completed: 1, failed: 1 }, reachedAt: { completed: 5 } })
  t.equal(await text(after.files.read(ended?.outputFileId ?? '')), `${answer('a', 200)}\n`)
  t.equal(await text(after.files.read(ended?.errorFileId ?? '')), `${answer('b', 400)}\n`)
  after.close()
})

await t.test('a folder is one process\'s', async t => {
  const mine = openBatchStores(folder)
  t.throws(() => openBatchStores(folder), { name: 'StoreUnavailableError' })
  mine.close()
  openBatchStores(folder).close()
})

await t.test('input lines, however they are cut into chunks', async t => {
  const { batches, close } = openBatchStores(join(folder, 'lines'))
  const lines = ['é', '🦀', 'c'].map(name => `{"custom_id":"${name}","method":"POST","url":"/v1/x","body":{"z":1.0,"a":{"2":0,"1":[]}}}`)
  const bytes = Buffer.from(`${lines.join('\r\n')}\n`)
  for (const size of [1, 3, 7, 1000]) {
    const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) => bytes.subarray(index * size, (index + 1) * size))
    t.strictSame(await readRequests({ batch: record, content: Readable.from(chunks), store: batches, signal: new AbortController().signal }), { total: 3, errors: [] })
    t.strictSame(batches.waitingLines(record.id, -1, 10).map(line => [line.customId, line.request]), ['é', '🦀', 'c'].map(name => [name, '{"z":1.0,"a":{"2":0,"1":[]}}']), 'bodies as they were written')
  }
  const long = Readable.from([Buffer.from(`{"custom_id":"a${'x'.repeat(9_000_000)}"`)])
  t.match(await readRequests({ batch: record, content: long, store: batches, signal: new AbortController().signal }), { errors: [{ code: 'request_too_large', line: 1 }] })
  close()
})
