import t from 'tap'
import { computeLogits } from '../../../../workers/engines/v4/compute-logits.js'
import { writeRandomCheckpoint } from '../../../../workers/engines/v4/checkpoint/random-checkpoint.js'
import { measureLoss } from '../../../../workers/engines/v4/measure-loss.js'

const directory = t.testdir()
await writeRandomCheckpoint(directory, { tier: 'flash' })
const tokenIds = Array.from({ length: 300 }, (_, i) => 12 + (i * 37 + 11) % 250)

await t.test('the mean of -ln p, as from the logits of all positions', async t => {
  const logits = await computeLogits(directory, { tokenIds: [0, ...tokenIds.slice(0, -1)] })
  const surprises = logits.map((row, i) => Math.log(row.reduce((sum, logit) => sum + Math.exp(logit), 0)) - (row[tokenIds[i] ?? 0] ?? NaN))
  const mean = surprises.reduce((sum, surprise) => sum + surprise, 0) / surprises.length
  const loss = await measureLoss(directory, tokenIds)
  t.equal(loss.tokens, 300)
  t.ok(Math.abs(loss.crossEntropy - mean) < 1e-6, `${loss.crossEntropy}, ${mean}`)
  t.equal(loss.perplexity, Math.exp(loss.crossEntropy))
  t.ok(loss.crossEntropy > Math.log(268) / 2, 'noise foretells nothing')
})

await t.test('a long text is read in pieces of 2048, each from its own beginning', async t => {
  const long = Array.from({ length: 2048 + 300 }, (_, i) => i < 2048 ? 20 : tokenIds[i - 2048] ?? 0)
  const [whole, first, second] = [await measureLoss(directory, long), await measureLoss(directory, long.slice(0, 2048)), await measureLoss(directory, tokenIds)]
  t.ok(Math.abs(whole.crossEntropy * 2348 - first.crossEntropy * 2048 - second.crossEntropy * 300) < 1e-4)
})

await t.test('tokens it cannot have', async t => {
  await t.rejects(measureLoss(directory, [268]), { name: 'CheckpointError', message: /token id 268 is outside the vocabulary of 268/ })
  await t.rejects(measureLoss(directory, []), { name: 'CheckpointError', message: /without tokens/ })
})
