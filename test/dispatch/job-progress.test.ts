import t from 'tap'
import type { JobRequest } from '../../src/dispatch/dispatch-event.js'
import { JobProgress } from '../../src/dispatch/job-progress.js'
import { WorkerFault } from '../../src/dispatch/worker-fault.js'
import type { JobEvent } from '../../workers/contract/event.js'
import { jobSchema } from '../../workers/contract/job.js'

const request: JobRequest = {
  requestId: 'r',
  tier: 'flash',
  checkpoint: 'c',
  tokenIds: [1, 2, 3],
  sampling: { temperature: 1, topP: 0.9, seed: 7, maxTokens: 5, minTokens: 3, stopTokenIds: [0] },
  priority: 2,
  deadlineMs: 1000
}
const limits = { maxAttempts: 3, maxResumeTokens: 100 }
const worker = { workerId: 'a', instanceId: 'a#1', checkpoint: 'c' }
const tokens = (...ids: number[]): JobEvent => ({ type: 'tokens', ids })
const broken = new WorkerFault('broken', 'cut', { code: 'stream-broken', blame: 'worker', isRetryable: true })
const hiccup = new WorkerFault('failed', 'try again', { code: 'hiccup', blame: 'worker', isRetryable: true })
const done: JobEvent = { type: 'done', finish: 'stop', stopTokenId: 0, usage: { promptTokens: 5, completionTokens: 1, cachedTokens: 4 } }

function failWith (fault: WorkerFault, rest: Partial<JobRequest> = {}): () => void {
  const progress = new JobProgress({ ...request, ...rest }, limits)
  progress.nextJob(null)
  return () => progress.fail(fault, worker)
}

await t.test('the first job is the request, and a valid job', async t => {
  const job = new JobProgress(request, limits).nextJob(800)
  t.same(job, { ...request, attempt: 1, deadlineMs: 800 })
  t.ok(jobSchema.safeParse(job).success)
})

await t.test('a retry before the first token asks for the same, and accepted names the new worker', async t => {
  const progress = new JobProgress(request, limits)
  progress.nextJob(null)
  t.same(progress.take({ type: 'accepted', cachedTokens: 2 }, worker, 10), [{ type: 'accepted', workerId: 'a', checkpoint: 'c', cachedTokens: 2, queueMs: 10 }])
  t.equal(progress.fail(broken, worker), null)
  t.same([...progress.tried], ['a#1'])
  const { deadlineMs: _deadline, ...rest } = request
  t.same(progress.nextJob(null), { ...rest, attempt: 2 })
  t.match(progress.take({ type: 'accepted', cachedTokens: 0 }, { ...worker, workerId: 'b' }, 20), [{ workerId: 'b' }])
})

await t.test('a resume goes on after the emitted ids and counts the answer once', async t => {
  const progress = new JobProgress(request, limits)
  progress.nextJob(null)
  progress.take({ type: 'accepted', cachedTokens: 2 }, worker, 0)
  progress.take(tokens(10), worker, 0)
  progress.take(tokens(11), worker, 0)
  t.equal(progress.fail(broken, worker), null)
  const job = progress.nextJob(null)
  t.match(job, { attempt: 2, tokenIds: [1, 2, 3, 10, 11], resumedFrom: 2, priority: 2, sampling: { seed: 7, maxTokens: 3, minTokens: 1 } })
  t.ok(jobSchema.safeParse(job).success)
  t.same(progress.take({ type: 'accepted', cachedTokens: 5 }, worker, 0), [], 'nobody hears of the second worker')
  t.same(progress.take(tokens(12), worker, 0), [tokens(12)])
  t.match(progress.take(done, worker, 0), [{ type: 'done', finish: 'stop', usage: { promptTokens: 3, completionTokens: 3, cachedTokens: 2 } }])
})

await t.test('an answer of full length whose last word was lost is complete', async t => {
  const progress = new JobProgress(request, limits)
  progress.nextJob(null)
  progress.take(tokens(10, 11, 12, 13, 14), worker, 0)
  t.same(progress.fail(broken, worker), { type: 'done', finish: 'length', stopTokenId: null, usage: { promptTokens: 3, completionTokens: 5, cachedTokens: null }, countedBy: 'gateway' })
})

await t.test('attempts end', async t => {
  const progress = new JobProgress(request, limits)
  for (let attempt = 1; attempt < 3; attempt++) {
    progress.nextJob(null)
    t.equal(progress.fail(hiccup, worker), null)
  }
  progress.nextJob(null)
  t.throws(() => progress.fail(hiccup, worker), { code: 'worker_failed' })
})

await t.test('two deaths make a poison: no third worker is risked', async t => {
  const progress = new JobProgress(request, limits)
  progress.nextJob(null)
  t.equal(progress.fail(broken, worker), null)
  progress.nextJob(null)
  t.throws(() => progress.fail(broken, worker), { code: 'internal_error', message: /2 workers died/ })
})

await t.test('a very long answer is not resumed', async t => {
  const progress = new JobProgress({ ...request, tokenIds: Array.from({ length: 100 }, () => 1) }, limits)
  progress.nextJob(null)
  progress.take(tokens(10), worker, 0)
  t.throws(() => progress.fail(broken, worker), { code: 'worker_stream_broken' })
})

await t.test('an engine that only speaks chat', async t => {
  const chat = { messages: [{ role: 'user' as const, content: 'Hi' }], tools: [], toolChoice: { kind: 'auto' as const }, allowsParallelToolCalls: true, responseFormat: { kind: 'text' as const }, effort: 'none' as const, stopStrings: [] }
  const asked: JobRequest = { ...request, chat: () => chat, wishes: { logprobs: 0 } }
  const chatOnly = { tokenIds: false, resume: false, logprobs: false, seed: false, constraints: [] }
  const hello: JobEvent = { type: 'text', channel: 'content', text: 'Hello' }

  await t.test('gets the conversation, which others do not, and no wish that it cannot grant', async t => {
    const progress = new JobProgress(asked, limits)
    const forOurs = progress.nextJob(null)
    t.equal(forOurs.chat, undefined)
    t.equal(forOurs.sampling.logprobs, 0)
    t.throws(() => progress.take(hello, worker, 0), { name: 'WorkerFault', message: /text in answer to token ids/ })
    const job = progress.nextJob(null, chatOnly)
    t.ok(jobSchema.safeParse(job).success)
    t.match(job, { chat, attempt: 2 })
    t.equal(job.sampling.logprobs, undefined)
  })

  await t.test('counts for itself', async t => {
    const progress = new JobProgress(asked, limits)
    progress.nextJob(null, chatOnly)
    t.same(progress.take(hello, worker, 0), [hello])
    t.same(progress.take(done, worker, 0), [{ ...done, countedBy: 'engine' }])
    t.match(progress.take({ ...done, usage: null }, worker, 0), [{ usage: null, countedBy: 'engine' }])
  })

  await t.test('is replaced before its text, and never after it', async t => {
    const progress = new JobProgress(asked, limits)
    progress.nextJob(null, chatOnly)
    t.equal(progress.fail(broken, worker), null)
    progress.nextJob(null, chatOnly)
    progress.take(hello, worker, 0)
    t.throws(() => progress.fail(hiccup, worker), { code: 'worker_failed' })
  })
})

await t.test('fail events become errors of the table', async t => {
  const fail = (code: string, blame: WorkerFault['blame']): WorkerFault => new WorkerFault('failed', 'why', { code, blame, isRetryable: false })
  t.throws(failWith(fail('context-overflow', 'request')), { code: 'context_length_exceeded', message: 'why' })
  t.throws(failWith(fail('unsupported-constraint', 'request')), { code: 'unsupported_parameter' })
  t.throws(failWith(fail('odd-value', 'request')), { code: 'invalid_value' })
  t.throws(failWith(fail('deadline-exceeded', 'request')), { code: 'deadline_exceeded' })
  t.throws(failWith(fail('invalid-job', 'request')), { code: 'internal_error', message: /^worker a failed/ })
  t.throws(failWith(fail('rank-died', 'worker')), { code: 'worker_failed', message: 'worker a failed while it computed the answer' })
  t.throws(failWith(fail('queue-full', 'worker')), { code: 'no_worker_available', retryAfterMs: 1000 })
})

await t.test('an abort that nobody here asked for is a fault of the worker', async t => {
  const progress = new JobProgress(request, limits)
  progress.nextJob(null)
  t.throws(() => progress.take({ ...done, finish: 'abort' }, worker, 0), { name: 'WorkerFault', code: 'aborted', isRetryable: true })
})
