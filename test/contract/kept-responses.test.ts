/** Responses that were asked to be kept, in a store that outlives the gateway. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'libsql'
import t from 'tap'
import { RedisStore } from '../../src/stores/redis-store.js'
import { SqliteStore } from '../../src/stores/sqlite-store.js'
import { replies, startGateway } from '../http/start-gateway.js'

const hello = { model: 'auto', input: 'Hello' }

await t.test('what was kept outlives the gateway; a store that does not answer costs nobody an answer, and nothing says it was kept', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'gearbox-kept-'))
  const path = join(folder, 'store.sqlite')
  const stores = [new SqliteStore({ path, busyMs: 1 }), new SqliteStore({ path, busyMs: 1 })] as const
  t.teardown(async () => {
    for (const store of stores) await store.close()
    rmSync(folder, { recursive: true })
  })
  const start = async (responses: SqliteStore) => await startGateway(t, { responses, answer: replies(prompt => prompt.includes('Blue.') ? 'ok</think>You said blue.' : 'hm</think>Blue.') })
  const [before, after] = [await start(stores[0]), await start(stores[1])]
  const first = await before.sdk().responses.create({ ...hello, store: true })
  t.strictSame(await after.sdk().responses.retrieve(first.id), await before.sdk().responses.retrieve(first.id))
  t.equal((await after.sdk().responses.create({ ...hello, previous_response_id: first.id })).output_text, 'You said blue.')

  const locker = new Database(path)
  locker.exec('begin exclusive')
  const unkept = await before.sdk().responses.create({ ...hello, store: true })
  t.match(unkept, { status: 'completed', output_text: 'Blue.', store: false })
  const streamed = await before.sdk().responses.stream({ ...hello, store: true }).finalResponse()
  t.match(streamed, { status: 'completed', store: false })
  locker.exec('rollback')
  locker.close()
  await after.sdk().responses.delete(first.id)
  await t.rejects(before.sdk().responses.retrieve(first.id), { status: 404, code: 'response_not_found' })
  await t.rejects(before.sdk().responses.retrieve(unkept.id), { status: 404, code: 'response_not_found' })
})

await t.test('what cannot be looked up now is not "not found"', async t => {
  const responses = new RedisStore({ url: '/nowhere.sock', commandTimeoutMs: 50 })
  t.teardown(async () => { await responses.close() })
  const sdk = (await startGateway(t, { responses })).sdk()
  const unavailable = { status: 503, code: 'accounts_unavailable' }
  await t.rejects(sdk.responses.create({ ...hello, previous_response_id: 'some' }), unavailable)
  await t.rejects(sdk.responses.retrieve('some'), unavailable)
  await t.rejects(sdk.responses.delete('some'), unavailable)
})
