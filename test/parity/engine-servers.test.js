/**
 * The adapters with the real servers, where one has them:
 *
 *   GEARBOX_LLAMA_SERVER=/path/to/llama-server   started here on a GGUF of ours, compared with our engine
 *   GEARBOX_VLLM_URL=http://127.0.0.1:8000       a vLLM (CPU build, any small model of 300 tokens or more) with --enable-scale-out
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { LlamaServerAdapter } from '../../dist/workers/engines/llama-server/llama-server-adapter.js'
import { RemoteEngine } from '../../dist/workers/engines/remote/remote-engine.js'
import { VllmAdapter } from '../../dist/workers/engines/vllm/vllm-adapter.js'
import { V4Engine } from '../../dist/workers/engines/v4/v4-engine.js'
import { answerOf, idsOf, jobOf, served, writeModel } from './tiny-model.js'

const { GEARBOX_LLAMA_SERVER: program, GEARBOX_VLLM_URL: vllmUrl } = process.env
const settings = { model: null, apiKey: null, served, startMs: 60_000 }

test('llama-server: greedy answers are ours; log-probabilities, stop, abort, death', { skip: program === undefined }, async t => {
  const directory = mkdtempSync(join(tmpdir(), 'gearbox-llama-server-'))
  const { checkpointDirectory, gguf } = await writeModel(directory, { names: false })
  const port = await freePort()
  const child = spawn(program, ['-m', gguf, '--host', '127.0.0.1', '--port', String(port), '-c', '2048', '-np', '2', '-t', '1', '--metrics', '--no-warmup', '-fa', 'off', '-ctk', 'f32', '-ctv', 'f32', '--device', 'none'], {
    stdio: 'ignore',
    env: { ...process.env, LD_LIBRARY_PATH: dirname(program) }
  })
  const exited = once(child, 'exit')
  const v4 = await V4Engine.open(checkpointDirectory)
  t.after(async () => {
    child.kill('SIGKILL')
    await exited
    await v4.close()
    rmSync(directory, { recursive: true })
  })
  const engine = new RemoteEngine(await LlamaServerAdapter.open({ ...settings, url: `http://127.0.0.1:${port}` }), { pollMs: 3_600_000 })
  assert.equal(engine.describe().contextTokens, 1024)
  const jobs = [jobOf('The quick brown fox'), jobOf('jumps over the lazy dog')]
  const answers = async one => (await Promise.all(jobs.map(async job => await answerOf(one, job)))).map(idsOf)
  assert.deepEqual(await answers(engine), await answers(v4))

  const job = jobOf('The quick brown fox', { logprobs: 2, maxTokens: 3 })
  const [theirs, ours] = (await Promise.all([answerOf(engine, job), answerOf(v4, job)])).map(events => events.flatMap(event => event.logprobs ?? []))
  theirs.forEach(({ logprob }, position) => assert.ok(Math.abs(logprob - ours[position].logprob) < 2e-3))

  const [first, second] = idsOf(await answerOf(engine, jobOf('The quick brown fox', { maxTokens: 2 })))
  const stopped = await answerOf(engine, jobOf('The quick brown fox', { stopTokenIds: [second] }))
  assert.deepEqual(idsOf(stopped), [first])
  assert.equal(stopped.at(-1).stopTokenId, second)
  await checkAbort(engine, 900)

  child.kill('SIGKILL')
  await exited
  for (let polls = 0; polls < 3; polls++) await engine.poll()
  assert.match((await engine.failed).message, /the engine is gone/)
})

test('vLLM: probed, deterministic, resumable; log-probabilities, grammar, stop, abort, load', { skip: vllmUrl === undefined }, async t => {
  const engine = new RemoteEngine(await VllmAdapter.open({ ...settings, url: vllmUrl }), { pollMs: 3_600_000 })
  t.after(async () => { await engine.close() })
  assert.equal(engine.describe().capabilities.tokenIds, true)
  const job = jobOf('The quick brown fox', { maxTokens: 12, stopTokenIds: [] })
  const whole = idsOf(await answerOf(engine, job))
  assert.equal(whole.length, 12)
  const resumed = await answerOf(engine, { ...job, attempt: 2, tokenIds: [...job.tokenIds, ...whole.slice(0, 5)], resumedFrom: 5, sampling: { ...job.sampling, maxTokens: 7 } })
  assert.deepEqual(idsOf(resumed), whole.slice(5))

  const seeded = { ...job, sampling: { ...job.sampling, temperature: 1, seed: 3, logprobs: 2 } }
  const [one, two] = await Promise.all([answerOf(engine, { ...seeded, requestId: 'one' }), answerOf(engine, { ...seeded, requestId: 'two' })])
  assert.deepEqual(idsOf(one), idsOf(two))
  assert.deepEqual([...new Set(one.flatMap(event => event.logprobs ?? []).map(({ top }) => top.length))], [2])

  const stopped = await answerOf(engine, { ...job, requestId: 'stop', sampling: { ...job.sampling, stopTokenIds: [whole[1]] } })
  assert.deepEqual(idsOf(stopped), whole.slice(0, whole.indexOf(whole[1])))
  assert.equal(stopped.at(-1).stopTokenId, whole[1])
  if (engine.describe().capabilities.constraints.includes('regex')) {
    const constrained = await answerOf(engine, { ...job, requestId: 'regex', sampling: { ...job.sampling, stopTokenIds: [1] }, constraint: { kind: 'regex', pattern: '[a-c]{3}' } })
    assert.equal(constrained.at(-1).finish, 'stop')
  }
  await checkAbort(engine, 300)
  await engine.poll()
  assert.ok(engine.load().kvCapacityTokens > 0)
  assert.ok(engine.load().generatedTokensTotal > 12)
})

async function checkAbort (engine, maxTokens) {
  const controller = new AbortController()
  let last
  for await (const event of engine.generate({ ...jobOf('The', { maxTokens, stopTokenIds: [] }), requestId: 'abort' }, controller.signal)) {
    last = event
    if (event.type === 'tokens') controller.abort()
  }
  assert.equal(last.finish, 'abort')
  assert.ok(last.usage.completionTokens < maxTokens)
}

async function freePort () {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  await once(server, 'close')
  return port
}
