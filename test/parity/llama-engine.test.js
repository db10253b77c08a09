/**
 * The worker's `llama` engine with the real llama.cpp, on the weights that our own engine runs.
 *
 *   npm run build && cd test/parity && npm ci --omit=optional && npm test
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { LlamaEngine } from '../../dist/workers/engines/llama/llama-engine.js'
import { V4Engine } from '../../dist/workers/engines/v4/v4-engine.js'
import { answerOf, idsOf, jobOf, served, writeModel } from './tiny-model.js'

const directory = mkdtempSync(join(tmpdir(), 'gearbox-llama-'))
const { checkpointDirectory, gguf } = await writeModel(directory)
const settings = { modelPath: gguf, moduleFolders: [import.meta.dirname], threads: 1, contextTokens: 1024, sequences: 2, gpuLayers: 0, kvType: 'F16', batchTokens: 512 }
const llama = await LlamaEngine.open(settings, served)
const v4 = await V4Engine.open(checkpointDirectory)
after(async () => {
  await Promise.all([llama.close(), v4.close()])
  rmSync(directory, { recursive: true })
})

test('greedy answers are ours, token for token, two at once', async () => {
  const jobs = [jobOf('The quick brown fox'), jobOf('jumps over the lazy dog')]
  const answers = async engine => (await Promise.all(jobs.map(async job => await answerOf(engine, job)))).map(idsOf)
  const theirs = await answers(llama)
  assert.deepEqual(theirs, await answers(v4))
  assert.deepEqual(theirs.map(ids => ids.length), [24, 24])
})

test('log-probabilities are ours to 3 decimals, at temperature 0 and 1', async () => {
  const job = jobOf('The quick brown fox', { logprobs: 3, maxTokens: 4 })
  const [ours, theirs] = (await Promise.all([answerOf(v4, job), answerOf(llama, job)])).map(events => events.flatMap(event => event.logprobs ?? []))
  assert.equal(theirs.length, 4)
  theirs.forEach(({ logprob, top }, position) => {
    assert.ok(Math.abs(logprob - ours[position].logprob) < 2e-3, `${logprob} is not ${ours[position].logprob}`)
    assert.deepEqual(top.map(({ id }) => id), ours[position].top.map(({ id }) => id))
  })
  const sampled = await answerOf(llama, jobOf('The', { temperature: 1, seed: 5, logprobs: 0, maxTokens: 2 }))
  assert.deepEqual(sampled.flatMap(event => event.logprobs ?? []).map(({ top }) => top), [[], []])
  const scaled = await answerOf(llama, jobOf('The', { temperature: 0.5, logprobs: 0 }))
  assert.equal(scaled[0].code, 'unsupported-logprobs')
})

// In a cache of 16 bits a prompt rounds otherwise than single steps do, so that a draw near an edge may fall to the other side.
test('a seed decides an answer, whatever else runs; with a 32-bit cache a resumed answer goes on as the whole one', async t => {
  const llama = await LlamaEngine.open({ ...settings, kvType: 'F32' }, served)
  t.after(async () => { await llama.close() })
  const job = jobOf('The quick brown fox', { temperature: 1, seed: 7 })
  const [whole, again, other] = (await Promise.all([job, job, jobOf('The quick brown fox', { temperature: 1, seed: 8 })].map(async one => await answerOf(llama, one)))).map(idsOf)
  assert.deepEqual(again, whole)
  assert.notDeepEqual(other, whole)
  const resumed = await answerOf(llama, { ...job, tokenIds: [...job.tokenIds, ...whole.slice(0, 10)], resumedFrom: 10, sampling: { ...job.sampling, maxTokens: 14 } })
  assert.deepEqual(idsOf(resumed), whole.slice(10))
})

test('stop tokens, biases and minTokens', async () => {
  const [first, second] = idsOf(await answerOf(llama, jobOf('The quick brown fox')))
  const stopped = await answerOf(llama, jobOf('The quick brown fox', { stopTokenIds: [second] }))
  assert.deepEqual(idsOf(stopped), [first])
  assert.deepEqual(stopped.at(-1), { type: 'done', finish: 'stop', stopTokenId: second, usage: { promptTokens: 20, completionTokens: 1, cachedTokens: 0 } })
  const held = idsOf(await answerOf(llama, jobOf('The quick brown fox', { stopTokenIds: [second], minTokens: 5, maxTokens: 5 })))
  assert.equal(held.length, 5)
  assert.ok(!held.includes(second))
  assert.deepEqual(idsOf(await answerOf(llama, jobOf('The', { logitBias: { 99: 100 }, maxTokens: 3 }))), [99, 99, 99])
})

test('an abort stops the compute; load tells of it', async () => {
  const controller = new AbortController()
  const events = []
  for await (const event of llama.generate(jobOf('The', { maxTokens: 900 }), controller.signal)) {
    events.push(event)
    if (events.filter(({ type }) => type === 'tokens').length === 3) controller.abort()
  }
  assert.equal(events.at(-1).finish, 'abort')
  assert.ok(events.at(-1).usage.completionTokens < 900)
  assert.deepEqual([llama.load().running, llama.load().queuedTokens], [0, 0])
})

test('refusals: too long, constrained', async () => {
  assert.equal((await answerOf(llama, { ...jobOf(''), tokenIds: Array(1024).fill(20) }))[0].code, 'context-overflow')
  assert.equal((await answerOf(llama, { ...jobOf('The'), constraint: { kind: 'json' } }))[0].code, 'unsupported-constraint')
})

test('a model with too small a vocabulary, and a file that is none, are refused at the start', async () => {
  await assert.rejects(LlamaEngine.open(settings, { ...served, vocabularySize: 129_280 }), /vocabulary of 268, flash-noise needs 129280/)
  await assert.rejects(LlamaEngine.open({ ...settings, modelPath: join(checkpointDirectory, 'config.json') }, served))
})
