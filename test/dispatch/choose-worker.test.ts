import fc from 'fast-check'
import t from 'tap'
import { chooseWorker, workSeconds, type Candidate, type JobNeed } from '../../src/dispatch/choose-worker.js'
import type { LoadReport } from '../../workers/contract/event.js'

const need: JobNeed = { checkpoint: 'flash', promptTokens: 1000, maxTokens: 100, isResume: false, tried: new Set() }
const idle = { jobs: 0, promptTokens: 0 }
const options = { maxJobsPerWorker: 4, random: () => 0 }

function candidate (workerId: string, rest: Partial<Candidate> = {}): Candidate {
  return {
    workerId,
    instanceId: `${workerId}#1`,
    state: 'serving',
    canServe: true,
    checkpoint: 'flash',
    contextTokens: 65_536,
    canResume: true,
    load: null,
    inFlight: idle,
    sentSinceLoad: idle,
    expectedCachedTokens: 0,
    ...rest
  }
}

function report (running: number | null, queuedTokens: number | null): LoadReport {
  return { running, waiting: running === null ? null : 0, queuedTokens, kvUsedTokens: null, kvCapacityTokens: null, promptTokensTotal: null, generatedTokensTotal: null }
}

const nameOf = (candidates: Candidate[], rest: Partial<JobNeed> = {}, random = options.random): string => {
  const choice = chooseWorker(candidates, { ...need, ...rest }, { ...options, random })
  return choice.kind === 'chosen' ? `${choice.worker.workerId} ${choice.reason}` : choice.reason
}

await t.test('why nobody can take the job', async t => {
  t.equal(nameOf([]), 'none-registered')
  t.equal(nameOf([candidate('a', { state: 'starting', canServe: false })]), 'starting')
  t.equal(nameOf([candidate('a', { state: 'registered', canServe: false })]), 'unreachable')
  t.equal(nameOf([candidate('a', { canServe: false })]), 'unreachable', 'a suspect is not used')
  t.equal(nameOf([candidate('a', { state: 'draining', canServe: false })]), 'draining')
  t.equal(nameOf([candidate('a', { state: 'quarantined', canServe: false })]), 'quarantined')
  t.equal(nameOf([candidate('a', { checkpoint: 'other' })]), 'other-checkpoint')
  t.equal(nameOf([candidate('a', { contextTokens: 1000 })]), 'context')
  t.equal(nameOf([candidate('a', { canResume: false })], { isResume: true }), 'cannot-resume')
  t.equal(nameOf([candidate('a', { inFlight: { jobs: 4, promptTokens: 0 } })]), 'busy')
})

await t.test('the reason that is told is the one closest to a yes', async t => {
  const small = candidate('small', { contextTokens: 10 })
  t.equal(nameOf([small, candidate('b', { state: 'starting', canServe: false })]), 'starting')
  t.equal(nameOf([small, candidate('b', { state: 'draining', canServe: false }), candidate('c', { inFlight: { jobs: 4, promptTokens: 0 } })]), 'busy')
})

await t.test('healthy before degraded, untried before tried', async t => {
  const [a, b] = [candidate('a', { state: 'degraded' }), candidate('b')]
  t.equal(nameOf([a, b]), 'b least-work')
  t.equal(nameOf([a, b], { tried: new Set(['b#1']) }), 'a degraded')
  t.equal(nameOf([b], { tried: new Set(['b#1']) }), 'b already-tried')
  t.equal(nameOf([candidate('b', { instanceId: 'b#2' })], { tried: new Set(['b#1']) }), 'b only-worker', 'a restarted worker is another instance')
})

await t.test('what was sent counts at once, before any report', async t => {
  const busy = candidate('a', { load: report(0, 0), inFlight: { jobs: 1, promptTokens: 5000 }, sentSinceLoad: { jobs: 1, promptTokens: 5000 } })
  t.equal(nameOf([busy, candidate('b', { load: report(0, 0) })]), 'b least-work')
})

await t.test('what other gateways sent counts through the report', async t => {
  t.equal(nameOf([candidate('a', { load: report(3, 9000) }), candidate('b', { load: report(1, 0) })]), 'b least-work')
})

await t.test('an unknown load is not taken for an idle worker\'s 0', async t => {
  const unknown = candidate('a', { load: report(null, null), inFlight: { jobs: 2, promptTokens: 8000 } })
  t.ok(workSeconds(unknown, need) > workSeconds(candidate('b', { load: report(1, 0) }), need))
})

await t.test('expected cache hits make a worker cheaper', async t => {
  t.equal(nameOf([candidate('a'), candidate('b', { expectedCachedTokens: 900 })]), 'b least-work')
})

await t.test('of two candidates the one with less work always wins; of many never the worst of the two looked at', async () => {
  const work = fc.record({ running: fc.nat({ max: 50 }), queued: fc.nat({ max: 100_000 }) })
  fc.assert(fc.property(fc.array(work, { minLength: 1, maxLength: 6 }), fc.array(fc.double({ min: 0, max: 0.999999, noNaN: true }), { minLength: 2, maxLength: 2 }), (loads, randoms) => {
    const candidates = loads.map(({ running, queued }, index) => candidate(`w${index}`, { load: report(running, queued) }))
    let draws = 0
    const choice = chooseWorker(candidates, need, { ...options, random: () => randoms[draws++ % 2] ?? 0 })
    if (choice.kind !== 'chosen') return false
    const costs = candidates.map(one => workSeconds(one, need))
    const beaten = costs.filter(cost => cost >= choice.workSeconds).length
    return candidates.length <= 2 ? choice.workSeconds === Math.min(...costs) : beaten >= 2
  }))
})
