import t from 'tap'
import type { Sampling } from '../../../../../workers/contract/job.js'
import { Sampler } from '../../../../../workers/engines/v4/sampling/sampler.js'
import { TokenCounts } from '../../../../../workers/engines/v4/sampling/token-counts.js'

const draws = 20_000

function samplerOf (sampling: Partial<Sampling>, vocabularySize: number): Sampler {
  return new Sampler({ temperature: 1, topP: 1, maxTokens: 1, stopTokenIds: [], seed: 7, ...sampling }, vocabularySize, 0)
}

/** How often each token comes over many positions. */
function histogram (sampling: Partial<Sampling>, logits: Float32Array, counts = new TokenCounts([0], 0)): Float64Array {
  const sampler = samplerOf(sampling, logits.length)
  const times = new Float64Array(logits.length)
  for (let position = 0; position < draws; position++) {
    const { id } = sampler.sample(logits, { position, generated: 0, counts })
    times[id] = (times[id] ?? 0) + 1
  }
  return times
}

/** Chi-square statistic over the tokens that may come; infinite when another came. */
function chiSquare (times: Float64Array, expected: readonly number[]): number {
  const total = expected.reduce((sum, weight) => sum + weight, 0)
  return expected.reduce((sum, weight, id) => {
    const mean = draws * weight / total
    const seen = times[id] ?? 0
    if (mean === 0) return seen === 0 ? sum : Infinity
    return sum + (seen - mean) ** 2 / mean
  }, 0)
}

const logits = Float32Array.of(0.3, 2, -1, 1.2, 0.3, -4, 1.9, 0)
const weights = (temperature = 1): number[] => Array.from(logits, logit => Math.exp(logit / temperature))
const kept = (ids: number[], temperature = 1): number[] => weights(temperature).map((weight, id) => ids.includes(id) ? weight : 0)

await t.test('draws follow the distribution (chi-square below the 99.9 % point for 7 degrees, 24.3)', async t => {
  const cases: [string, Partial<Sampling>, number[]][] = [
    ['plain', {}, weights()],
    ['hot', { temperature: 2.5 }, weights(2.5)],
    ['cold', { temperature: 0.4 }, weights(0.4)],
    ['top-k 3', { topK: 3 }, kept([1, 6, 3])],
    // Shares: 1 0.345, 6 0.312, 3 0.155, 0 and 4 0.063 each.
    ['top-p 0.8', { topP: 0.8 }, kept([1, 6, 3])],
    ['top-p 0.65', { topP: 0.65 }, kept([1, 6])],
    ['top-p after top-k: a share of what is left', { topK: 3, topP: 0.8 }, kept([1, 6])],
    ['top-k cuts equals by id', { topK: 4 }, kept([1, 6, 3, 0])],
    ['min-p 0.15', { minP: 0.15 }, kept([1, 6, 3, 0, 4])],
    ['min-p hot', { minP: 0.5, temperature: 2 }, kept([1, 6, 3], 2)],
    ['tiny top-p is greedy', { topP: 1e-9 }, kept([1])],
    ['bias', { logitBias: { 5: 6, 1: -100 } }, weights().map((weight, id) => id === 5 ? Math.exp(2) : id === 1 ? 0 : weight)]
  ]
  for (const [name, sampling, expected] of cases) {
    const statistic = chiSquare(histogram(sampling, logits), expected)
    t.ok(statistic < 24.3, `${name}: ${statistic.toFixed(1)}`)
  }
  t.ok(chiSquare(histogram({ temperature: 1.1 }, logits), weights()) > 24.3, 'and the test can tell 1.1 from 1')
})

await t.test('penalties: repetition sees prompt and answer, the others the answer', async t => {
  const counts = new TokenCounts([1, 3, 6, 6], 2)
  const expected = (adjust: (logit: number, id: number) => number): number[] => Array.from(logits, (logit, id) => Math.exp(adjust(logit, id)))
  const cases: [string, Partial<Sampling>, number[]][] = [
    ['presence', { presencePenalty: 1 }, expected((logit, id) => id === 6 ? logit - 1 : logit)],
    ['frequency', { frequencyPenalty: 0.7 }, expected((logit, id) => id === 6 ? logit - 1.4 : logit)],
    ['repetition', { repetitionPenalty: 1.5 }, expected((logit, id) => [1, 3, 6].includes(id) ? logit / 1.5 : logit)]
  ]
  for (const [name, sampling, shares] of cases) {
    const statistic = chiSquare(histogram(sampling, logits, counts), shares)
    t.ok(statistic < 24.3, `${name}: ${statistic.toFixed(1)}`)
  }
  const negative = histogram({ repetitionPenalty: 2 }, logits, new TokenCounts([2], 0))
  t.ok(chiSquare(negative, expected((logit, id) => id === 2 ? -2 : logit)) < 24.3, 'a negative logit goes down too')
})

await t.test('greedy takes the lowest id among equals, after bias and masks', async t => {
  const counts = new TokenCounts([0], 0)
  const equal = Float32Array.of(1, 3, 3, 0)
  const pick = (sampling: Partial<Sampling>, generated = 0): number => samplerOf({ temperature: 0, ...sampling }, 4).sample(equal, { position: 1, generated, counts }).id
  t.equal(pick({}), 1)
  t.equal(pick({ logitBias: { 3: 10 } }), 3)
  t.equal(pick({ logitBias: { 17: 10 } }), 1, 'a bias for a token that does not exist')
  t.equal(pick({ stopTokenIds: [1], minTokens: 2 }, 1), 2)
  t.equal(pick({ stopTokenIds: [1], minTokens: 2 }, 2), 1)
  t.same([...equal], [1, 3, 3, 0], 'the logits are left alone')
})

await t.test('seed and position decide, not the order of calls', async t => {
  const flat = new Float32Array(1000)
  const counts = new TokenCounts([0], 0)
  const draw = (seed: number, position: number): number => samplerOf({ seed }, 1000).sample(flat, { position, generated: 0, counts }).id
  const forward = Array.from({ length: 50 }, (_, i) => draw(11, i))
  const backward = Array.from({ length: 50 }, (_, i) => draw(11, 49 - i)).reverse()
  t.same(forward, backward)
  for (const other of [12, -11, 11 + 2 ** 32, 2 ** 52]) t.notSame(Array.from({ length: 50 }, (_, i) => draw(other, i)), forward, `seed ${other}`)
  const seeds = histogramOf(Array.from({ length: draws }, (_, seed) => draw(seed, 3)))
  t.ok(seeds.size > 990, 'neighbouring seeds are as good as any')
})

function histogramOf (ids: readonly number[]): Map<number, number> {
  const times = new Map<number, number>()
  for (const id of ids) times.set(id, (times.get(id) ?? 0) + 1)
  return times
}

await t.test('log-probabilities are of the raw logits, the alternatives best first', async t => {
  const counts = new TokenCounts([0], 0)
  const { id, logprob } = samplerOf({ temperature: 0, logitBias: { 5: 100 }, logprobs: 5 }, 8).sample(logits, { position: 0, generated: 0, counts })
  const normaliser = Math.log(weights().reduce((sum, weight) => sum + weight, 0))
  t.equal(id, 5)
  t.ok(Math.abs((logprob?.logprob ?? 0) - (-4 - normaliser)) < 1e-6)
  t.same(logprob?.top.map(({ id }) => id), [1, 6, 3, 0, 4])
  t.ok(Math.abs((logprob?.top[0]?.logprob ?? 0) - (2 - normaliser)) < 1e-6)
  t.same(samplerOf({ temperature: 0, logprobs: 0 }, 8).sample(logits, { position: 0, generated: 0, counts }).logprob?.top, [])
  t.equal(samplerOf({ temperature: 0 }, 8).sample(logits, { position: 0, generated: 0, counts }).logprob, undefined)
})

await t.test('a large vocabulary is cut as a full sort would', async t => {
  const many = Float32Array.from({ length: 5000 }, (_, id) => 6 * Math.sin(id * 12.9898) * Math.cos(id * 4.1414))
  const order = Array.from(many.keys()).sort((left, right) => (many[right] ?? 0) - (many[left] ?? 0) || left - right)
  const mass = order.map(id => Math.exp(many[id] ?? 0))
  const total = mass.reduce((sum, weight) => sum + weight, 0)
  const counts = new TokenCounts([0], 0)
  for (const topP of [0.1, 0.5, 0.9, 0.999]) {
    let sum = 0
    const nucleus = order.filter((_, rank) => {
      const isIn = sum < topP * total
      sum += mass[rank] ?? 0
      return isIn
    })
    // As many positions as it takes to see the unlikely half of the nucleus too.
    const sampler = samplerOf({ topP }, many.length)
    const seen = new Set(Array.from({ length: 150 }, (_, position) => sampler.sample(many, { position, generated: 0, counts }).id))
    t.ok([...seen].every(id => nucleus.includes(id)), `top-p ${topP}: only its ${nucleus.length} tokens`)
    t.ok([...seen].some(id => nucleus.indexOf(id) > nucleus.length / 2), `top-p ${topP}: down to its lower half`)
  }
})
