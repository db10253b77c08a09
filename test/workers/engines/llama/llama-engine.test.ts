/** What can be said without llama.cpp; test/parity/llama-engine.test.js runs it. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { findLlamaModule } from '../../../../workers/engines/llama/llama-binding.js'
import { LlamaEngine } from '../../../../workers/engines/llama/llama-engine.js'
import { canGiveLogprobs, chosenToken, generateNextOf, logprobOf, seedAt } from '../../../../workers/engines/llama/sample-options.js'
import { makeJob } from '../../make-job.js'
import { served } from '../remote/wire-server.js'

await t.test('without node-llama-cpp the worker says what to install and where it looked', async t => {
  const folder = t.testdir()
  const settings = { modelPath: 'x.gguf', moduleFolders: [folder], threads: 1, contextTokens: 512, sequences: 1, gpuLayers: 0, kvType: 'F16' as const, batchTokens: 512 }
  await t.rejects(LlamaEngine.open(settings, served), { message: new RegExp(`needs node-llama-cpp, which was not found from ${folder}: run "npm install node-llama-cpp"`) })
})

await t.test('it is found in the folder named, or above it', async t => {
  const folder = t.testdir()
  const installed = join(folder, 'node_modules/node-llama-cpp')
  mkdirSync(installed, { recursive: true })
  mkdirSync(join(folder, 'deep/er'), { recursive: true })
  writeFileSync(join(installed, 'package.json'), JSON.stringify({ exports: { '.': { import: './dist/index.js' } } }))
  t.equal(findLlamaModule([join(folder, 'deep/er')]).pathname, join(installed, 'dist/index.js'))
})

await t.test('each position draws with a seed of its own, the same every time', async t => {
  const seeds = Array.from({ length: 1000 }, (_, position) => seedAt(7, position))
  t.equal(new Set(seeds).size, 1000)
  t.same(seeds, Array.from({ length: 1000 }, (_, position) => seedAt(7, position)))
  t.not(seedAt(8, 5), seedAt(7, 5))
  t.ok(seeds.every(seed => Number.isInteger(seed) && seed >= 0 && seed < 2 ** 32))
})

await t.test('penalties look at the answer only; log-probabilities leave the samplers idle', async t => {
  const state = { position: 9, answer: [4, 4, 5], seed: 1, tokenBias: null }
  const penalised = generateNextOf(makeJob({ sampling: { presencePenalty: 0.5, topK: 3 } }), state)
  t.match(penalised, { options: { topK: 3, repeatPenalty: { punishTokens: [4, 4, 5], penalty: 1, presencePenalty: 0.5, frequencyPenalty: 0 } } })
  t.match(generateNextOf(makeJob({ sampling: { logprobs: 0 } }), state), { options: { temperature: 1, topK: 0, topP: 1 }, logits: { filter: { includeTop: 1 } } })
})

await t.test('log-probabilities are normalised over the vocabulary; greedy takes the lowest id of the best', async t => {
  // Logits 2, 1, 0 over three tokens.
  const next = { token: 8, logits: new Map([[7, 2], [8, 1], [9, 0]]), totalLogitWeight: 1 + Math.exp(-1) + Math.exp(-2) }
  const { logprob, top } = logprobOf(next, 8, 2)
  t.ok(Math.abs(Math.exp(logprob) - 0.24473) < 1e-5)
  t.same(top.map(({ id }) => id), [7, 8])
  const { sampling } = makeJob({ sampling: { logprobs: 1 } })
  t.equal(chosenToken({ ...next, logits: new Map([[9, 2], [7, 2], [8, 1]]) }, sampling), 7)
  t.equal(chosenToken(next, { ...sampling, temperature: 1 }), 8)
})

await t.test('where llama.cpp cannot say what the model said, it is not asked', async t => {
  const { sampling } = makeJob()
  const rows = [[{}, true], [{ temperature: 1 }, true], [{ temperature: 0.7 }, false], [{ temperature: 1, topP: 0.9 }, false], [{ logitBias: { 5: 1 } }, false], [{ frequencyPenalty: 1 }, false]] as const
  for (const [change, wanted] of rows) t.equal(canGiveLogprobs({ ...sampling, ...change }), wanted, JSON.stringify(change))
})
