/**
 * Our engine against an independent one: llama.cpp, on the same weights, position by position.
 *
 *   npm run build && cd test/parity && npm ci --omit=optional && npm test
 */
import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import assert from 'node:assert/strict'
import { promisify } from 'node:util'
import { writeV4Gguf } from '../../dist/workers/engines/llama/gguf/v4-gguf.js'
import { openCheckpoint } from '../../dist/workers/engines/v4/checkpoint/open-checkpoint.js'
import { writeTinyGolden } from '../../dist/test/workers/engines/v4/checkpoint/tiny-golden-weights.js'

const run = promisify(execFile)
const root = new URL('../../', import.meta.url).pathname
const directory = mkdtempSync(join(tmpdir(), 'gearbox-parity-'))
after(() => rmSync(directory, { recursive: true }))

/** Sizes that llama.cpp accepts (its heavily compressed layers have ratio 128), with every kind of layer. */
const sizes = {
  vocab_size: 288,
  hidden_size: 256,
  num_attention_heads: 8,
  head_dim: 64,
  qk_rope_head_dim: 32,
  q_lora_rank: 64,
  o_groups: 4,
  o_lora_rank: 32,
  sliding_window: 16,
  compress_rope_theta: 160000,
  rope_scaling: { type: 'yarn', factor: 16, original_max_position_embeddings: 65536, beta_fast: 32, beta_slow: 1 },
  max_position_embeddings: 1024,
  compress_ratios: [0, 4, 128, 4],
  index_n_heads: 16,
  index_head_dim: 64,
  index_topk: 8,
  moe_intermediate_size: 128,
  swiglu_limit: 10,
  num_hash_layers: 2
}
const positions = 300
const randomTokens = Array.from({ length: positions }, (_, i) => (i * 37 + 11) % 251)

async function compare (checkpointDirectory, tokens, weights) {
  const checkpoint = await openCheckpoint(checkpointDirectory)
  const gguf = join(directory, 'model.gguf')
  const tokenizer = join(checkpointDirectory, 'tokenizer.json')
  await writeV4Gguf(checkpoint, gguf, { weights, tokenizerJson: existsSync(tokenizer) ? readFileSync(tokenizer, 'utf8') : null })
  await checkpoint.close()
  const options = { maxBuffer: 2 ** 30 }
  const ours = await run(process.execPath, [join(root, 'bin/gearbox.js'), 'logits', '--checkpoint', checkpointDirectory, '--tokens', tokens.join(','), '--mode', 'exact', '--ranks', '1'], options)
  const theirs = await run(process.execPath, [new URL('llama-probabilities.js', import.meta.url).pathname, gguf, tokens.join(',')], options)
  const { probabilities } = JSON.parse(theirs.stdout)
  let worst = 0
  let sameGreedy = 0
  JSON.parse(ours.stdout).logits.forEach((logits, position) => {
    const expected = probabilities[position]
    const actual = softmax(logits)
    if (argmax(actual) === argmax(expected)) sameGreedy++
    actual.forEach((probability, token) => { worst = Math.max(worst, Math.abs(probability - expected[token])) })
  })
  return { worst, sameGreedy }
}

function softmax (logits) {
  const most = logits.reduce((a, b) => Math.max(a, b))
  const exponentials = logits.map(logit => Math.exp(logit - most))
  const sum = exponentials.reduce((a, b) => a + b)
  return exponentials.map(value => value / sum)
}

function argmax (values) {
  return values.reduce((best, value, index) => value > values[best] ? index : best, 0)
}

test(`a random network of every layer kind: probabilities within 1e-3 of llama.cpp over ${positions} positions, same greedy tokens`, async context => {
  const checkpointDirectory = join(directory, 'random')
  await writeTinyGolden(checkpointDirectory, sizes)
  const { worst, sameGreedy } = await compare(checkpointDirectory, randomTokens, 'f32')
  context.diagnostic(`largest difference of a probability: ${worst.toExponential(2)}; same greedy token: ${sameGreedy}/${positions}`)
  assert.ok(worst < 1e-3, `largest difference ${worst}`)
  assert.equal(sameGreedy, positions)
})

for (const name of ['flash-mini', 'pro-mini']) {
  const checkpointDirectory = join(root, 'models', name)
  test(`${name}: probabilities within 1e-3 of llama.cpp over ${positions} positions`, { skip: !existsSync(join(checkpointDirectory, 'model.safetensors')) }, async context => {
    const { worst, sameGreedy } = await compare(checkpointDirectory, randomTokens, 'f32')
    context.diagnostic(`largest difference of a probability: ${worst.toExponential(2)}; same greedy token: ${sameGreedy}/${positions}`)
    assert.ok(worst < 1e-3, `largest difference ${worst}`)
  })
}
