import fc from 'fast-check'
import t from 'tap'
import { chooseWorker, workSeconds, type Candidate, type JobNeed } from '../../src/dispatch/choose-worker.js'
import { noWork, type SentWork } from '../../src/dispatch/worker-record.js'
import type { LoadReport } from '../../workers/contract/event.js'

const need: JobNeed = { checkpoint: 'flash', promptTokens: 1000, answerTokens: { expected: 100, reserved: 100 }, isResume: false, homeInstance: null, isSession: true, waitedSeconds: 0, tried: new Set() }
const able = { tokenIds: true, resume: true, logprobs: true, seed: true, constraints: [] }
const chatOnly = { ...able, tokenIds: false, resume: false, logprobs: false }
const rates = { prefillTokensPerSecond: 1000, isPrefillLearned: true, stepSeconds: (jobs: number) => 0.01 * jobs, isStepLearned: true }

const work = (jobs: number, promptTokens = 0, reservedTokens = 0): SentWork => ({ jobs, promptTokens, reservedTokens })

function candidate (workerId: string, rest: Partial<Candidate> = {}): Candidate {
  return {
    workerId,
    instanceId: `${workerId}#1`,
    state: 'serving',
    canServe: true,
    checkpoint: 'flash',
    contextTokens: 65_536,
    capabilities: able,
    load: null,
    inFlight: noWork,
    sentSinceLoad: noWork,
    elsewhere: noWork,
    rates,
    longPrefills: { L: 0, XL: 0 },
    maxJobs: 4,
    expectedCachedTokens: 0,
    sentBlocks: 0,
    ...rest
  }
}

const report: LoadReport = { running: null, waiting: null, queuedTokens: null, kvUsedTokens: null, kvCapacityTokens: null, promptTokensTotal: null, generatedTokensTotal: null }

const nameOf = (candidates: Candidate[], rest: Partial<JobNeed> = {}, random: () => number = () => 0): string => {
  const choice = chooseWorker(candidates, { ...need, ...rest }, { random })
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
  t.equal(nameOf([candidate('a', { capabilities: { ...able, resume: false } })], { isResume: true }), 'cannot-resume')
  t.equal(nameOf([candidate('a')], { isResume: true, constraint: 'json' }), 'incapable')
  const constrained = candidate('a', { capabilities: { ...able, constraints: ['json'] } })
  t.equal(nameOf([constrained], { constraint: 'json' }), 'a only-worker')
  t.equal(nameOf([constrained], { isResume: true, constraint: 'json' }), 'cannot-resume', 'a grammar would begin anew')
  t.equal(nameOf([candidate('a', { capabilities: chatOnly })]), 'incapable', 'a raw text is no conversation')
  t.equal(nameOf([candidate('a', { capabilities: chatOnly })], { hasChat: true, wantsLogprobs: true }), 'incapable')
  t.equal(nameOf([candidate('a', { inFlight: work(4, 0) })]), 'busy')
})

await t.test('the reason that is told is the one closest to a yes', async t => {
  const small = candidate('small', { contextTokens: 10 })
  t.equal(nameOf([small, candidate('b', { state: 'starting', canServe: false })]), 'starting')
  t.equal(nameOf([small, candidate('b', { state: 'draining', canServe: false }), candidate('c', { inFlight: work(4, 0) })]), 'busy')
})

await t.test('a worker that only speaks chat is the overflow of those that take ids', async t => {
  const [ours, theirs] = [candidate('ours', { inFlight: work(3, 9000) }), candidate('theirs', { capabilities: chatOnly })]
  t.equal(nameOf([ours, theirs], { hasChat: true }), 'ours least-work')
  t.equal(nameOf([{ ...ours, inFlight: work(4, 0) }, theirs], { hasChat: true }), 'theirs only-worker')
  t.equal(nameOf([{ ...ours, canServe: false }, theirs], { hasChat: true }), 'theirs only-worker')
  t.equal(nameOf([ours, theirs], { hasChat: true, tried: new Set(['ours#1']) }), 'theirs least-work')
  t.equal(nameOf([theirs], { hasChat: true }), 'theirs only-worker')
})

await t.test('healthy before degraded, untried before tried', async t => {
  const [a, b] = [candidate('a', { state: 'degraded' }), candidate('b')]
  t.equal(nameOf([a, b]), 'b least-work')
  t.equal(nameOf([a, b], { tried: new Set(['b#1']) }), 'a degraded')
  t.equal(nameOf([b], { tried: new Set(['b#1']) }), 'b already-tried')
  t.equal(nameOf([candidate('b', { instanceId: 'b#2' })], { tried: new Set(['b#1']) }), 'b only-worker', 'a restarted worker is another instance')
})

await t.test('work counts, ours and others\', by what it takes and not by the number of jobs', async t => {
  t.equal(nameOf([candidate('a', { inFlight: work(1, 5000) }), candidate('b')]), 'b least-work')
  t.equal(nameOf([candidate('a', { elsewhere: work(3, 9000) }), candidate('b', { inFlight: work(1) })]), 'b least-work')
  t.equal(nameOf([candidate('a', { inFlight: work(1, 50_000) }), candidate('b', { inFlight: work(3, 300) })]), 'b least-work', 'three short ones are less than a long one')
  t.equal(nameOf([candidate('a', { inFlight: work(3) }), candidate('b', { inFlight: work(1) })]), 'b least-work', 'a smaller batch is quicker')
  const slow = { ...rates, prefillTokensPerSecond: 100 }
  t.equal(nameOf([candidate('a', { rates: slow }), candidate('b', { inFlight: work(1, 2000) })]), 'b least-work', 'a busy fast worker is sooner done than a slow idle one')
  t.equal(nameOf([candidate('a', { load: { ...report, queuedTokens: 1000 }, inFlight: work(1, 50_000) }), candidate('b', { inFlight: work(1, 20_000) })]), 'a least-work', 'it is nearly through with its long prompt')
})

await t.test('a prefix is worth a queue, but not any queue', async t => {
  const holder = (queued: number): Candidate => candidate('holder', { expectedCachedTokens: 900, inFlight: work(0, queued) })
  t.equal(nameOf([candidate('a'), holder(0)]), 'holder cached-prefix')
  t.equal(nameOf([candidate('a'), holder(4000)]), 'holder cached-prefix')
  t.equal(nameOf([candidate('a'), holder(9000)]), 'a least-work')
})

await t.test('a prompt stays at home, unless that worker is far busier', async t => {
  const [a, b] = [candidate('a'), candidate('b', { inFlight: work(1, 2500) })]
  t.equal(nameOf([a, b], { homeInstance: 'b#1' }), 'b session')
  t.equal(nameOf([a, b], { homeInstance: 'b#1', isSession: false }), 'b least-work')
  t.equal(nameOf([a, candidate('b', { inFlight: work(1, 60_000) })], { homeInstance: 'b#1' }), 'a least-work')
  t.equal(nameOf([a, candidate('b', { state: 'degraded' })], { homeInstance: 'b#1' }), 'a least-work', 'health goes first')
  t.equal(nameOf([a, b], { homeInstance: 'b#0' }), 'a least-work', 'a restarted worker has forgotten it')
  const full = candidate('b', { inFlight: work(4) })
  t.equal(nameOf([a, full], { homeInstance: 'b#1' }), 'busy', 'it waits a while for room there')
  t.equal(nameOf([a, full], { homeInstance: 'b#1', waitedSeconds: 31 }), 'a only-worker')
})

await t.test('a new prompt goes where the least was sent', async t => {
  t.equal(nameOf([candidate('a', { sentBlocks: 10 }), candidate('b', { sentBlocks: 3, inFlight: work(0, 900) })]), 'b least-work')
  t.equal(nameOf([candidate('a', { sentBlocks: 10 }), candidate('b', { sentBlocks: 3, inFlight: work(0, 2000) })]), 'a least-work')
})

await t.test('a worker whose memory is full and whose line grows gets no more', async t => {
  const full = (waiting: number, used: number): Candidate => candidate('a', { load: { ...report, waiting, kvCapacityTokens: 4096, kvUsedTokens: used } })
  t.equal(nameOf([full(1, 2816)]), 'a only-worker', '1100 tokens are five pages of 256')
  t.equal(nameOf([full(1, 2817)]), 'memory')
  t.equal(nameOf([{ ...full(1, 2817), expectedCachedTokens: 999 }]), 'a only-worker', 'what is cached takes no more')
  t.equal(nameOf([full(0, 4096)]), 'a only-worker', 'its line is empty')
  t.equal(nameOf([candidate('a')]), 'a only-worker', 'unknown memory is not full memory')
})

await t.test('long prompts leave workers to short ones', async t => {
  const roomy = (workerId: string, rest: Partial<Candidate> = {}): Candidate => candidate(workerId, { contextTokens: 1e6, ...rest })
  const atLong = { longPrefills: { L: 1, XL: 0 }, inFlight: work(1, 100_000) }
  const long = { promptTokens: 100_000 }
  t.equal(nameOf([roomy('a', atLong), roomy('b')], long), 'a only-worker', 'one of two is at a long one: it gets the next, too')
  t.equal(nameOf([roomy('a', { ...atLong, maxJobs: 1 }), roomy('b')], long), 'busy')
  t.equal(nameOf([roomy('a', atLong), roomy('b'), roomy('c'), roomy('d')], long), 'b least-work', 'half of them may')
  t.equal(nameOf([roomy('a', atLong), roomy('b', { expectedCachedTokens: 99_000 })], long), 'b cached-prefix', 'long is what there is to compute')
  t.equal(nameOf([roomy('a', { longPrefills: { L: 0, XL: 1 }, inFlight: work(1, 500_000) })], { promptTokens: 500_000 }), 'long-prompts', 'scratch memory is for one XL prompt')
  t.equal(nameOf([roomy('a', atLong), roomy('b')]), 'b least-work')
})

await t.test('the least work wins, but for what cannot be told apart', async () => {
  const load = fc.record({ jobs: fc.nat({ max: 3 }), queued: fc.nat({ max: 100_000 }) })
  const random = fc.double({ min: 0, max: 0.999999, noNaN: true })
  fc.assert(fc.property(fc.array(load, { minLength: 1, maxLength: 6 }), fc.array(random, { minLength: 2, maxLength: 2 }), (loads, randoms) => {
    const candidates = loads.map(({ jobs, queued }, index) => candidate(`w${index}`, { inFlight: work(jobs, queued) }))
    let draw = 0
    const choice = chooseWorker(candidates, need, { random: () => randoms[draw++ % 2] ?? 0 })
    const least = Math.min(...candidates.map(other => workSeconds(other, need)))
    return choice.kind === 'chosen' && choice.workSeconds <= least + Math.max(0.02, 0.05 * least)
  }))
})

await t.test('equals are chosen equally, so that gateways with the same view do not herd', async t => {
  const candidates = ['a', 'b', 'c', 'd'].map(name => candidate(name))
  const counts = new Map<string, number>()
  for (let one = 0; one < 8; one++) {
    for (let two = 0; two < 8; two++) {
      const draws = [one / 8, two / 8]
      const chosen = nameOf(candidates, {}, () => draws.shift() ?? 0)
      counts.set(chosen, (counts.get(chosen) ?? 0) + 1)
    }
  }
  t.same([...counts.values()], [16, 16, 16, 16])
  const nearly = [candidate('a', { inFlight: work(0, 200) }), candidate('b')]
  t.equal(chooseWorker(nearly, need, { random: () => 0.99 }).kind, 'chosen')
  t.equal(nameOf(nearly), 'b least-work', 'of two looked at the better')
})
