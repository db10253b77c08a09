import { request } from 'node:http'
import t from 'tap'
import { ConfigError } from '../../../src/config/config-error.js'
import { hashSecret } from '../../../src/accounts/keys.js'
import { says } from '../start-gateway.js'
import { settled, startAdmin } from './start-admin.js'

const messages = [{ role: 'user', content: 'The word is xylophone.' }]

await t.test('a decision can be opened and shows every step with its time and reason, and no prompt', async t => {
  const { gateway, telemetry, adminUrl } = await startAdmin(t, { answer: says('Hm.</think>Fine.') })
  await (await gateway.post({ model: 'auto', messages }, { 'x-request-id': 'looked-at' })).text()
  await (await gateway.post({ model: 'no-such-model', messages })).text()
  await settled(telemetry)

  const { decisions } = await (await fetch(`${adminUrl}/admin/api/decisions`)).json() as { decisions: Array<Record<string, unknown>> }
  t.match(decisions, [{ outcome: 'refused', error: { code: 'unsupported_model' } }, { requestId: 'looked-at', outcome: 'completed', tier: 'flash', tierReason: 'default' }])
  const text = await (await fetch(`${adminUrl}/admin/api/decisions/looked-at`)).text()
  const decision = JSON.parse(text) as { steps: Array<{ name: string, atMs: number, durationMs: number }>, jobId: string, durationMs: number }
  t.strictSame(decision.steps.map(({ name }) => name), ['receive', 'dialect', 'policy', 'tokenise', 'queue', 'attempt', 'answer'])
  t.ok(decision.steps.every(({ atMs, durationMs }) => atMs >= 0 && durationMs >= 0 && atMs + durationMs <= decision.durationMs + 1))
  t.match(decision, { workerId: 'flash-0', attempts: 1, finish: 'stop', usage: { promptTokens: Number, reasoningTokens: Number }, content: null })
  t.notMatch(text, 'xylophone')
  t.equal((await fetch(`${adminUrl}/admin/api/decisions/${decision.jobId}`)).status, 200)
  t.equal((await fetch(`${adminUrl}/admin/api/decisions/nobody`)).status, 404)
  t.equal((await fetch(`${adminUrl}/admin/api/decisions?limit=0`)).status, 400)
  t.match(await (await fetch(`${adminUrl}/admin/api/decisions?outcome=refused&limit=5`)).json(), { decisions: [{ outcome: 'refused' }] })
})

await t.test('prompt and answer are kept when the operator wants them', async t => {
  const { gateway, telemetry, adminUrl } = await startAdmin(t, { answer: says('Hm.</think>Fine.'), watching: { recordsContent: true } })
  await (await gateway.post({ model: 'auto', messages }, { 'x-request-id': 'kept' })).text()
  await settled(telemetry)
  t.match(await (await fetch(`${adminUrl}/admin/api/decisions/kept`)).json(), { content: { input: /xylophone/, output: 'Hm.Fine.' } })
})

await t.test('the log is bounded', async t => {
  const { gateway, telemetry } = await startAdmin(t, { watching: { keptDecisions: 3 } })
  for (let count = 0; count < 8; count++) await (await gateway.post({ model: 'no-such-model', messages }, { 'x-request-id': `r${count}` })).text()
  t.strictSame(telemetry.decisions.list({ limit: 100 }).map(({ requestId }) => requestId), ['r7', 'r6', 'r5'])
  t.equal(telemetry.decisions.find('r4'), null)
})

await t.test('overview and workers say what is there', async t => {
  const { adminUrl } = await startAdmin(t)
  t.match(await (await fetch(`${adminUrl}/admin/api/overview`)).json(), {
    version: '0.0.0-test',
    state: 'serving',
    pools: [{ tier: 'flash', servingWorkers: 1, waiting: 0, queuedTokens: 0, saturation: 0, estimatedWaitSeconds: 0 }, { tier: 'pro' }],
    totals: { decisions: [], rejections: [] },
    recent: { kept: 0, outcomes: { completed: 0 } }
  })
  t.match(await (await fetch(`${adminUrl}/admin/api/workers`)).json(), { workers: [{ workerId: 'pro-0', state: 'serving', engine: 'simulator', pastFaults: [], address: /^unix:/ }, { workerId: 'flash-0' }] })
})

await t.test('a worker can be taken out and let in again', async t => {
  const { gateway, adminUrl } = await startAdmin(t)
  const post = async (path: string) => await fetch(`${adminUrl}${path}`, { method: 'POST' })
  t.match(await (await post('/admin/api/workers/flash-0/quarantine')).json(), { workers: [{ workerId: 'flash-0', state: 'quarantined', canServe: false }] })
  t.notOk(gateway.pools.registry.isReady('flash'))
  await post('/admin/api/workers/flash-0/release')
  t.ok(gateway.pools.registry.isReady('flash'))
  t.equal((await post('/admin/api/workers/flash-9/quarantine')).status, 404)
  t.equal((await post('/admin/api/workers/flash-0/explode')).status, 404)
})

await t.test('with a secret nothing but the health is told without it', async t => {
  const { adminUrl } = await startAdmin(t, { secretHash: hashSecret('open sesame!') })
  const paths = ['/metrics', '/admin/api/overview', '/admin/api/workers', '/admin/api/traffic', '/admin/api/spend', '/admin/api/keys', '/admin/api/decisions', '/admin/api/decisions/x', '/nowhere']
  for (const path of paths) {
    t.equal((await fetch(`${adminUrl}${path}`)).status, 401, path)
    t.equal((await fetch(`${adminUrl}${path}`, { headers: { authorization: 'Bearer sesame' } })).status, 401, path)
  }
  for (const path of ['/admin/reload', '/admin/api/playground/chat']) t.equal((await fetch(`${adminUrl}${path}`, { method: 'POST' })).status, 401, path)
  t.equal((await fetch(`${adminUrl}/health`)).status, 200)
  const { adminUrl: other } = await startAdmin(t, { secretHash: hashSecret('open-sesame') })
  t.equal((await fetch(`${other}/metrics`, { headers: { authorization: 'Bearer open-sesame' } })).status, 200)
})

await t.test('a web page in a browser of this machine is no operator', async t => {
  const { adminUrl } = await startAdmin(t)
  const statusOf = async (headers: Record<string, string>): Promise<number | undefined> => await new Promise((resolve, reject) => {
    request(`${adminUrl}/admin/reload`, { method: 'POST', headers }, response => {
      response.resume()
      resolve(response.statusCode)
    }).on('error', reject).end()
  })
  t.equal(await statusOf({}), 200)
  t.equal(await statusOf({ origin: adminUrl }), 200)
  t.equal(await statusOf({ origin: 'http://evil.example' }), 403)
  t.equal(await statusOf({ origin: 'null' }), 403)
  t.equal(await statusOf({ 'sec-fetch-site': 'cross-site' }), 403)
  t.equal(await statusOf({ host: 'evil.example' }), 403, 'a name that was made to point here')
})

await t.test('a reload that is refused says why', async t => {
  const { adminUrl } = await startAdmin(t, { reload: async () => { throw new ConfigError('server.port: too big\nlog.level: unknown') } })
  const response = await fetch(`${adminUrl}/admin/reload`, { method: 'POST' })
  t.equal(response.status, 422)
  t.match(await response.json(), { error: { faults: ['server.port: too big', 'log.level: unknown'] } })
})
