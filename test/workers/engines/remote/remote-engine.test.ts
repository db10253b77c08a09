/** What is the same for every engine that runs elsewhere, with an adapter that says what a test wants. */
import t from 'tap'
import type { EngineDescription } from '../../../../workers/contract/description.js'
import { brokenStream, EngineFault } from '../../../../workers/engines/remote/engine-fault.js'
import type { AnswerStep, RemoteAdapter, RemoteLoad } from '../../../../workers/engines/remote/remote-adapter.js'
import { RemoteEngine } from '../../../../workers/engines/remote/remote-engine.js'
import { makeJob } from '../../make-job.js'
import { answerOf, idsOf } from './wire-server.js'

const description: EngineDescription = {
  engine: 'vllm',
  checkpoint: { name: 'simulated', revision: 'r1', trained: true, effortLadder: '0731', vocabularySize: 100, parameters: null },
  contextTokens: 64,
  capabilities: { tokenIds: true, resume: false, logprobs: false, seed: true, constraints: ['json'] },
  ranks: null
}

interface Teardown { teardown (callback: () => Promise<void>): void }

interface Script {
  steps?: AnswerStep[]
  end?: Error | 'silence'
  load?: () => RemoteLoad
}

function start (t: Teardown, { steps = [], end, load = () => ({}) }: Script): { engine: RemoteEngine, aborted: string[] } {
  const aborted: string[] = []
  const adapter: RemoteAdapter = {
    description,
    async * answer (_job, signal) {
      yield * steps
      if (end instanceof Error) throw end
      if (end === 'silence') {
        signal.throwIfAborted()
        await new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }))
      }
    },
    abort: async job => { aborted.push(job.requestId) },
    readLoad: async () => load(),
    close: async () => {}
  }
  const engine = new RemoteEngine(adapter, { pollMs: 3_600_000, missedPolls: 2 })
  t.teardown(async () => { await engine.close() })
  return { engine, aborted }
}

const step = (ids: number[], rest: Partial<AnswerStep> = {}): AnswerStep => ({ ids, finish: null, ...rest })

await t.test('the stop token is named and not emitted; the last word of the engine is waited for', async t => {
  const { engine, aborted } = start(t, { steps: [step([5, 6]), step([7, 1]), step([], { finish: { reason: 'stop', stopTokenId: null }, cachedTokens: 2 })] })
  t.same(await answerOf(engine, makeJob()), [
    { type: 'accepted', cachedTokens: null },
    { type: 'tokens', ids: [5, 6] },
    { type: 'tokens', ids: [7] },
    { type: 'done', finish: 'stop', stopTokenId: 1, usage: { promptTokens: 3, completionTokens: 3, cachedTokens: 2 } }
  ])
  t.same(aborted, [])
})

await t.test('an engine that does not know a stop token, or goes on beyond the limit, is cut', async t => {
  const deaf = start(t, { steps: [step([5, 1, 6]), step([7])], end: 'silence' })
  const stopped = await answerOf(deaf.engine, makeJob())
  t.same(idsOf(stopped), [5])
  t.match(stopped.at(-1), { type: 'done', finish: 'stop', stopTokenId: 1 })

  const long = start(t, { steps: [step([5, 6, 7]), step([8])], end: 'silence' })
  const cut = await answerOf(long.engine, makeJob({ sampling: { maxTokens: 2 } }))
  t.same(idsOf(cut), [5, 6])
  t.match(cut.at(-1), { type: 'done', finish: 'length', stopTokenId: null, usage: { completionTokens: 2 } })
})

await t.test('a stream that ends without a reason is broken, and its job is aborted in words', async t => {
  const { engine, aborted } = start(t, { steps: [step([5])] })
  t.match((await answerOf(engine, makeJob())).at(-1), { type: 'fail', code: 'engine-stream-broken', blame: 'worker', retryable: true })
  t.same(aborted, ['request-1'])
})

await t.test('faults become fail events', async t => {
  for (const [fault, expected] of [
    [brokenStream('cut'), { code: 'engine-stream-broken', blame: 'worker', retryable: true }],
    [new EngineFault('context-overflow', 'too long', { blame: 'request', isRetryable: false }), { code: 'context-overflow', blame: 'request', retryable: false }]
  ] as const) {
    const { engine } = start(t, { end: fault })
    t.match((await answerOf(engine, makeJob())).at(-1), { type: 'fail', ...expected })
  }
})

await t.test('refuses what the engine cannot do, before asking it', async t => {
  const { engine } = start(t, { end: new Error('asked') })
  const refusals = [
    [makeJob({ tokenIds: Array.from({ length: 64 }, () => 5) }), 'context-overflow'],
    [makeJob({ constraint: { kind: 'regex', pattern: 'a' } }), 'unsupported-constraint'],
    [makeJob({ sampling: { logprobs: 1 } }), 'unsupported-logprobs'],
    [makeJob({ resumedFrom: 1 }), 'unsupported-resume']
  ] as const
  for (const [job, code] of refusals) t.match(await answerOf(engine, job), [{ type: 'fail', code, blame: 'request', retryable: false }])
})

await t.test('an abort ends the job and says so to the engine', async t => {
  const { engine, aborted } = start(t, { steps: [step([5])], end: 'silence' })
  const controller = new AbortController()
  const events = []
  for await (const event of engine.generate(makeJob(), controller.signal)) {
    events.push(event)
    if (event.type === 'tokens') controller.abort()
  }
  t.match(events.at(-1), { type: 'done', finish: 'abort', usage: { completionTokens: 1 } })
  t.same(aborted, ['request-1'])
  t.equal(engine.load().running, 0)
})

await t.test('gone for good: refused connections in a row, or another incarnation; slow answers do not count', async t => {
  const refused = new EngineFault('engine-unreachable', 'refused', { blame: 'worker', isRetryable: true })
  const slow = new EngineFault('engine-silent', 'slow', { blame: 'worker', isRetryable: true })
  const answers: Array<EngineFault | RemoteLoad> = [{ running: 4 }, refused, slow, refused]
  const { engine } = start(t, {
    end: 'silence',
    load: () => {
      const answer = answers.shift() ?? refused
      if (answer instanceof EngineFault) throw answer
      return answer
    }
  })
  await engine.poll()
  t.equal(engine.load().running, 4)
  for (let polls = 0; polls < 3; polls++) await engine.poll()
  t.equal(engine.load().running, 0, 'an old figure is forgotten')
  const running = answerOf(engine, makeJob())
  await engine.poll()
  t.match(await engine.failed, { message: /the engine is gone/ })
  t.match((await running).at(-1), { type: 'fail', code: 'engine-died', retryable: true })
  t.match(await answerOf(engine, makeJob()), [{ type: 'fail', code: 'engine-died' }])

  const starts = ['a', 'a', 'b']
  const restarted = start(t, { load: () => ({ incarnation: starts.shift() ?? null }) })
  for (let polls = 0; polls < 3; polls++) await restarted.engine.poll()
  t.match(await restarted.engine.failed, { message: /restarted/ })
})
