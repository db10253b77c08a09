/** Real requests on real sockets, and what the operator's port says of them afterwards. */
import t from 'tap'
import { says } from '../http/start-gateway.js'
import { settled, startAdmin } from '../http/admin/start-admin.js'

/** Value of a series by name and labels; null when it is not there. */
function valueOf (text: string, name: string, labels: Record<string, string> = {}): number | null {
  for (const line of text.split('\n')) {
    const match = /^([\w:]+)(?:\{(.*)\})? (\S+)$/.exec(line)
    if (match?.[1] !== name) continue
    const found = Object.fromEntries([...(match[2] ?? '').matchAll(/(\w+)="([^"]*)"/g)].map(([, label, value]) => [label, value]))
    if (Object.entries(labels).every(([label, value]) => found[label] === value)) return Number(match[3])
  }
  return null
}

const served = { model_name: 'flash-simulated', engine: 'gearbox', tier: 'flash', pool: 'default' }
const question = [{ role: 'user' as const, content: 'Hello' }]

await t.test('an answer is counted by tier, kind and reason, under the names of vLLM and OpenTelemetry', async t => {
  const { gateway, telemetry, adminUrl } = await startAdmin(t, { answer: says('Thought.</think>Hello there, my friend.') })
  const answer = await gateway.sdk().chat.completions.create({ model: 'deepseek-v4-flash', messages: question })
  for await (const chunk of await gateway.sdk().chat.completions.create({ model: 'auto', messages: question, stream: true })) t.ok(chunk)
  await settled(telemetry)

  const response = await fetch(`${adminUrl}/metrics`)
  t.match(response.headers.get('content-type'), 'text/plain')
  const text = await response.text()
  const completion = answer.usage?.completion_tokens ?? 0
  const reasoning = answer.usage?.completion_tokens_details?.reasoning_tokens ?? 0
  t.ok(completion > reasoning && reasoning > 0)
  t.equal(valueOf(text, 'gearbox_decisions_total', { tier: 'flash', reason: 'pinned-by-model' }), 1)
  t.equal(valueOf(text, 'gearbox_decisions_total', { tier: 'flash', reason: 'default' }), 1)
  t.equal(valueOf(text, 'gearbox_tokens_total', { tier: 'flash', kind: 'completion' }), 2 * completion)
  t.equal(valueOf(text, 'gearbox_tokens_total', { tier: 'flash', kind: 'reasoning' }), 2 * reasoning)
  t.equal(valueOf(text, 'vllm:generation_tokens_total', served), 2 * completion)
  t.equal(valueOf(text, 'vllm:prompt_tokens_total', served), 2 * (answer.usage?.prompt_tokens ?? 0))
  t.equal(valueOf(text, 'vllm:request_success_total', { ...served, finished_reason: 'stop' }), 2)
  for (const name of ['time_to_first_token_seconds', 'e2e_request_latency_seconds', 'request_queue_time_seconds']) {
    t.equal(valueOf(text, `vllm:${name}_count`, served), 2, name)
  }
  // One token an event: between n tokens are n - 1 gaps.
  t.equal(valueOf(text, 'vllm:inter_token_latency_seconds_count', served), 2 * (completion - 1))
  const genAi = { gen_ai_operation_name: 'chat', gen_ai_provider_name: 'deepseek', gen_ai_response_model: 'flash-simulated' }
  t.equal(valueOf(text, 'gen_ai_server_request_duration_seconds_count', { ...genAi, error_type: '' }), 2)
  t.equal(valueOf(text, 'gen_ai_client_token_usage_sum', { ...genAi, gen_ai_token_type: 'output' }), 2 * completion)
  t.equal(valueOf(text, 'gearbox_answers_running', { tier: 'flash' }), 0)
  t.equal(valueOf(text, 'gearbox_worker_state', { worker: 'flash-0', state: 'serving' }), 1)
  t.equal(valueOf(text, 'gearbox_worker_state', { worker: 'flash-0', state: 'draining' }), 0)
  t.equal(valueOf(text, 'gearbox_queued_tokens', { tier: 'flash' }), 0)
  t.equal(valueOf(text, 'gearbox_pool_serving_workers', { tier: 'pro' }), 1)
  t.ok((valueOf(text, 'gearbox_spend_usd_total', { tier: 'flash' }) ?? 0) > 0)
})

await t.test('refusals are counted by code; nothing that a client sends becomes a label', async t => {
  const { gateway, adminUrl } = await startAdmin(t)
  const invented = 'label-that-a-client-made-up'
  await gateway.post({ model: invented, messages: question }, { 'x-request-id': invented })
  await gateway.post({ model: 'auto', messages: question, user: invented }, { 'user-agent': invented, 'x-gearbox-effort': invented })
  await fetch(`${gateway.url}/${invented}`)
  await gateway.post(`{"model": "${invented}`)
  const text = await (await fetch(`${adminUrl}/metrics`)).text()
  t.equal(valueOf(text, 'gearbox_rejections_total', { code: 'unsupported_model' }), 1)
  t.equal(valueOf(text, 'gearbox_rejections_total', { code: 'unknown_path' }), 1)
  t.equal(valueOf(text, 'gearbox_rejections_total', { code: 'invalid_json' }), 1)
  t.equal(valueOf(text, 'gearbox_http_requests_total', { status: '404' }), 1)
  t.notMatch(text, invented)
})

await t.test('a worker that fails before its first token is counted as a retry, after it as a resume', async t => {
  let first = true
  const { gateway, telemetry, adminUrl } = await startAdmin(t, {
    answer: job => {
      if (!first) return says('Well.</think>Good.')(job)
      first = false
      throw new Error('a fault')
    }
  })
  const response = await gateway.post({ model: 'deepseek-v4-flash', messages: question })
  t.equal(response.status, 200)
  await response.text()
  await settled(telemetry)
  const text = await (await fetch(`${adminUrl}/metrics`)).text()
  t.equal(valueOf(text, 'gearbox_retries_total', { tier: 'flash', fault: 'failed' }), 1)
  t.equal(valueOf(text, 'gearbox_worker_faults_total', { worker: 'flash-0', fault: 'failed' }), 1)
  const steps = telemetry.decisions.list({ limit: 1 })[0]?.steps.filter(({ name }) => name === 'attempt')
  t.match(steps, [{ fault: { kind: 'failed' } }, { fault: null, details: { attempt: 2 } }])
})
