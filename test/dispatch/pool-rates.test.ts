import t from 'tap'
import { chooseWorker, type Candidate, type JobNeed } from '../../src/dispatch/choose-worker.js'
import { LearnedRates } from '../../src/dispatch/learned-rates.js'
import { poolRates } from '../../src/dispatch/pool-rates.js'
import { noWork } from '../../src/dispatch/worker-record.js'

function learned (prefillTokensPerSecond: number, stepSeconds: number): LearnedRates {
  const rates = new LearnedRates()
  rates.learnPrefill({ tokens: prefillTokensPerSecond, seconds: 1 })
  rates.learnStep({ jobs: 4, seconds: stepSeconds })
  return rates
}

const prefills = (all: LearnedRates[]): number[] => poolRates(all.map(rates => ({ rates }))).map(rates => rates.prefillTokensPerSecond)
const steps = (all: LearnedRates[]): number[] => poolRates(all.map(rates => ({ rates }))).map(rates => rates.stepSeconds(4))

await t.test('workers that are nearly alike are alike', async t => {
  const nearly = [learned(4700, 0.011), learned(5000, 0.01), learned(5600, 0.008)]
  t.same(prefills(nearly), [5000, 5000, 5000])
  t.same(steps(nearly), [0.01, 0.01, 0.01])
})

await t.test('another machine keeps its own rate', async t => {
  t.same(prefills([learned(5000, 0.01), learned(10_000, 0.01), learned(5100, 0.01)]), [5100, 10_000, 5100])
  t.same(steps([learned(5000, 0.01), learned(5000, 0.05), learned(5000, 0.01)]), [0.01, 0.05, 0.01])
})

await t.test('one that nobody knows is taken for a usual one', async t => {
  t.same(prefills([new LearnedRates(), learned(5000, 0.01), learned(5000, 0.01)]), [5000, 5000, 5000])
  t.same(prefills([new LearnedRates()]), [new LearnedRates().prefillTokensPerSecond], 'there is no usual one')
  t.same(poolRates([]), [])
})

await t.test('so that it gets jobs beside those that turned out fast', async t => {
  const candidate = (workerId: string, rates: LearnedRates, queuedTokens: number): Candidate => ({
    workerId,
    instanceId: workerId,
    state: 'serving',
    canServe: true,
    checkpoint: 'pro',
    contextTokens: null,
    capabilities: null,
    load: null,
    inFlight: { jobs: 1, promptTokens: queuedTokens, reservedTokens: 0 },
    sentSinceLoad: noWork,
    elsewhere: noWork,
    rates,
    longPrefills: { L: 0, XL: 0 },
    maxJobs: 8,
    expectedCachedTokens: 0,
    sentBlocks: 0
  })
  const need: JobNeed = { checkpoint: 'pro', promptTokens: 2000, answerTokens: { expected: 100, reserved: 100 }, isResume: false, homeInstance: null, isSession: false, waitedSeconds: 0, tried: new Set() }
  const choice = chooseWorker([candidate('known', learned(50_000, 0.001), 60_000), candidate('unknown', new LearnedRates(), 0)], need, { random: () => 0 })
  t.equal(choice.kind === 'chosen' && choice.worker.workerId, 'unknown')
})
