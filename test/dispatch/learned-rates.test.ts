import t from 'tap'
import { AdaptiveLimit } from '../../src/dispatch/adaptive-limit.js'
import { AnswerLengths } from '../../src/dispatch/answer-lengths.js'
import { LearnedRates } from '../../src/dispatch/learned-rates.js'

await t.test('the prefill rate follows what is seen, and one stall changes little', async t => {
  const rates = new LearnedRates()
  t.equal(rates.isPrefillLearned, false)
  rates.learnPrefill({ tokens: 100, seconds: 10 })
  t.equal(rates.isPrefillLearned, false, 'a short prompt says nothing')
  for (let job = 0; job < 50; job++) rates.learnPrefill({ tokens: 10_000, seconds: 0.5 })
  t.ok(Math.abs(rates.prefillTokensPerSecond - 20_000) < 1)
  rates.learnPrefill({ tokens: 10_000, seconds: 50 })
  t.ok(rates.prefillTokensPerSecond > 12_000)
  for (let job = 0; job < 100; job++) rates.learnPrefill({ tokens: 10_000, seconds: 2 })
  t.ok(Math.abs(rates.prefillTokensPerSecond - 5000) < 5, 'a machine that became slower is known to be')
})

await t.test('the time of a step grows with the batch as it was seen to', async t => {
  const rates = new LearnedRates()
  for (let round = 0; round < 40; round++) for (const jobs of [1, 8, 32, 64]) rates.learnStep({ jobs, seconds: 0.0029 + 0.00017 * jobs })
  for (const jobs of [1, 16, 100]) t.ok(Math.abs(rates.stepSeconds(jobs) - (0.0029 + 0.00017 * jobs)) < 1e-4)
  const same = new LearnedRates()
  for (let job = 0; job < 20; job++) same.learnStep({ jobs: 4, seconds: 0.01 })
  t.ok(Math.abs(same.stepSeconds(50) - 0.01) < 1e-9, 'one batch size shows no slope')
})

await t.test('answers are as long as they turn out, not as long as they may be', async t => {
  const lengths = new AnswerLengths()
  t.equal(lengths.expected(10), 10)
  for (let answer = 0; answer < 3000; answer++) lengths.learn(answer % 10 === 9 ? 2000 : 100)
  t.ok(lengths.expected(65_536) > 200 && lengths.expected(65_536) < 400)
  t.ok(lengths.reserved(65_536) < 2500)
  for (let answer = 0; answer < 3000; answer++) lengths.learn(1000 + answer % 100)
  t.ok(lengths.reserved(65_536) > 1000 && lengths.reserved(65_536) < 1400)
  t.equal(lengths.reserved(50), 50)
})

await t.test('a worker gets what it can run', async t => {
  const limit = new AdaptiveLimit({ initialJobs: 64, maxJobs: 256 })
  limit.reported({ jobs: 20, seconds: null }, 64)
  t.equal(limit.jobs, 54, 'its own line grows: less')
  limit.reported({ jobs: null, seconds: null }, 64)
  t.equal(limit.jobs, 54, 'a worker that does not tell changes nothing')
  for (let job = 0; job < 54; job++) limit.streamed(0.02, 54)
  t.equal(limit.jobs, 55, 'one more for each round of answers at the limit')
  for (let job = 0; job < 100; job++) limit.streamed(0.02, 10)
  t.equal(limit.jobs, 55, 'nothing is learned below it')
  for (let job = 0; job < 40; job++) limit.streamed(0.2, 55)
  t.ok(limit.jobs >= 46 && limit.jobs <= 47, 'a slow batch says it once')
  for (let refusal = 0; refusal < 100; refusal++) limit.refused(46)
  t.equal(limit.jobs, 4, 'never below a few')
  t.equal(new AdaptiveLimit({ maxJobs: 2 }).jobs, 2)
})

await t.test('a line of short prompts is not a long one', async t => {
  const limit = new AdaptiveLimit({ initialJobs: 20, maxJobs: 256 })
  limit.reported({ jobs: 12, seconds: 0.8 }, 20)
  t.equal(limit.jobs, 22, 'it would be empty before the next report')
  limit.reported({ jobs: 12, seconds: 9 }, 22)
  t.equal(limit.jobs, 18)
  limit.reported({ jobs: 0, seconds: 0 }, 3)
  t.equal(limit.jobs, 18, 'nothing is learned below the limit')
})
