import t from 'tap'
import type { JobEvent } from '../../../../../workers/contract/event.js'
import { type Job, jobSchema } from '../../../../../workers/contract/job.js'
import type { ForwardSlice } from '../../../../../workers/engines/v4/model/step.js'
import type { BatchModel } from '../../../../../workers/engines/v4/scheduler/batch-model.js'
import { type ScheduledEvent, Scheduler, type SchedulerLimits } from '../../../../../workers/engines/v4/scheduler/scheduler.js'
import { Sequence } from '../../../../../workers/engines/v4/sequence/sequence.js'

/** Says token + 1 after every token, and remembers what it was asked. */
class CountingModel implements BatchModel {
  readonly maxRows = 16
  readonly vocabularySize = 50
  readonly copies: string[] = []
  readonly steps: { slot: number, position: number, rows: number }[][] = []
  #last: number[] = []

  openSequence (slot: number): Sequence {
    return new Sequence(slot, new Int32Array(8))
  }

  forward (slices: readonly ForwardSlice[]): number {
    this.steps.push(slices.map(({ sequence, tokenIds }) => ({ slot: sequence.slot, position: sequence.position, rows: tokenIds.length })))
    this.#last = slices.filter(({ wants }) => wants === 'last').map(({ tokenIds }) => tokenIds[tokenIds.length - 1] ?? 0)
    for (const { sequence, tokenIds } of slices) sequence.position += tokenIds.length
    return this.#last.length
  }

  snapshot (sequence: Sequence, snapshot: number): void {
    this.copies.push(`snapshot ${snapshot} of slot ${sequence.slot} at ${sequence.position}`)
  }

  restore (snapshot: number, sequence: Sequence, position: number): void {
    sequence.position = position
    this.copies.push(`restore ${snapshot} to slot ${sequence.slot} at ${position}`)
  }

  logitsOf (wanted: number): Float64Array {
    return new Float64Array(50).fill(0).fill(1, (this.#last[wanted] ?? 0) + 1, (this.#last[wanted] ?? 0) + 2)
  }
}

const limits: SchedulerLimits = { slots: 3, blocks: 8, snapshots: 0, blockTokens: 16, contextTokens: 64, prefillRows: 10 }

function jobOf (promptTokens: number, maxTokens: number, overrides: Partial<Job> = {}): Job {
  return jobSchema.parse({
    requestId: 'request',
    attempt: 1,
    tier: 'pro',
    checkpoint: 'any',
    tokenIds: Array.from({ length: promptTokens }, (_, i) => i % 7),
    sampling: { temperature: 0, topP: 1, maxTokens, stopTokenIds: [49] },
    ...overrides
  })
}

function typesOf (events: ScheduledEvent[], id: number): JobEvent['type'][] {
  return events.filter(scheduled => scheduled.id === id).map(({ event }) => event.type)
}

function runAll (scheduler: Scheduler): ScheduledEvent[] {
  const events: ScheduledEvent[] = []
  for (let step = 0; scheduler.hasWork; step++) {
    if (step > 1000) throw new Error('the scheduler does not end')
    events.push(...scheduler.step())
  }
  return events
}

await t.test('a long prompt is cut into pieces, and others decode meanwhile', async t => {
  const model = new CountingModel()
  const scheduler = new Scheduler(model, limits)
  scheduler.submit(1, jobOf(3, 20))
  scheduler.step()
  scheduler.submit(2, jobOf(40, 5))
  const events = runAll(scheduler)
  t.same(model.steps[0], [{ slot: 0, position: 0, rows: 3 }], 'alone, a prompt may fill the batch')
  t.same(model.steps.slice(1, 6).map(step => step.map(({ rows }) => rows)), [[1, 10], [1, 10], [1, 10], [1, 10], [1, 1]])
  t.same(events.filter(({ id }) => id === 1).length, 19 + 1)
  t.same(typesOf(events, 2), ['accepted', 'tokens', 'tokens', 'tokens', 'tokens', 'tokens', 'done'])
})

await t.test('prompts share a step, the shortest first', async t => {
  const model = new CountingModel()
  const scheduler = new Scheduler(model, limits)
  scheduler.submit(1, jobOf(40, 2))
  scheduler.submit(2, jobOf(4, 2))
  scheduler.step()
  t.same(model.steps[0], [{ slot: 1, position: 0, rows: 4 }, { slot: 0, position: 0, rows: 12 }])
  t.same(scheduler.load(), { running: 2, waiting: 0, queuedTokens: 28, kvUsedTokens: 64, kvCapacityTokens: 128, promptTokensTotal: 16, generatedTokensTotal: 1 })
})

await t.test('small prompts overtake a large one, and never starve it', async t => {
  const model = new CountingModel()
  const scheduler = new Scheduler(model, { ...limits, blocks: 64 })
  scheduler.submit(1, jobOf(60, 2))
  const events: ScheduledEvent[] = []
  for (let id = 2; id < 30; id++) {
    scheduler.submit(id, jobOf(12, 1))
    events.push(...scheduler.step())
  }
  events.push(...runAll(scheduler))
  const order = events.flatMap(({ id, event }) => event.type === 'done' ? [id] : [])
  t.ok(order.indexOf(1) > 1, 'two at least went before it')
  t.ok(order.indexOf(1) < 12, 'and it did not wait for all')
  t.ok(model.steps.every(step => step.reduce((sum, { rows }) => sum + rows, 0) <= 16))
})

await t.test('a job takes all the memory it can need, or waits; the urgent goes first, then the older', async t => {
  const model = new CountingModel()
  const scheduler = new Scheduler(model, limits)
  // 4 blocks each, of 8.
  for (const [id, priority] of [[1, 0], [2, 0], [3, 0], [4, 2], [5, 1], [6, 2]] as const) scheduler.submit(id, jobOf(10, 40, { priority }))
  const order = runAll(scheduler).flatMap(({ id, event }) => event.type === 'accepted' ? [id] : [])
  t.same(order, [4, 6, 5, 1, 2, 3])
  t.ok(model.steps.every(step => step.length <= 2))
  t.match(scheduler.load(), { running: 0, waiting: 0, kvUsedTokens: 0 })
})

await t.test('one that does not fit holds the line', async t => {
  const scheduler = new Scheduler(new CountingModel(), limits)
  for (const [id, maxTokens] of [[1, 54], [2, 30], [3, 54], [4, 2]] as const) scheduler.submit(id, jobOf(10, maxTokens))
  const events = scheduler.step()
  t.same(events.flatMap(({ id, event }) => event.type === 'accepted' ? [id] : []), [1, 2])
  t.match(scheduler.load(), { running: 2, waiting: 2 })
})

await t.test('an abort frees slot and blocks at once, running or waiting', async t => {
  const scheduler = new Scheduler(new CountingModel(), { ...limits, slots: 1 })
  scheduler.submit(1, jobOf(10, 40))
  scheduler.submit(2, jobOf(10, 40))
  scheduler.step()
  t.match(scheduler.abort(1), [{ id: 1, event: { type: 'done', finish: 'abort', usage: { promptTokens: 10, completionTokens: 1 } } }])
  t.match(scheduler.load(), { running: 0, waiting: 1, kvUsedTokens: 0 })
  t.match(scheduler.abort(2), [{ id: 2, event: { type: 'done', finish: 'abort', usage: { completionTokens: 0 } } }])
  t.same(scheduler.abort(2), [], 'what is gone is no error')
  t.equal(scheduler.hasWork, false)
})

await t.test('a stop token is named and not counted, the context ends what has no end', async t => {
  const scheduler = new Scheduler(new CountingModel(), limits)
  scheduler.submit(1, jobOf(2, 40, { tokenIds: [0, 45] }))
  scheduler.submit(2, jobOf(60, 40))
  const events = runAll(scheduler)
  t.match(events.filter(({ id }) => id === 1).at(-1), { event: { type: 'done', finish: 'stop', stopTokenId: 49, usage: { completionTokens: 3 } } })
  t.match(events.filter(({ id }) => id === 2).at(-1), { event: { type: 'done', finish: 'length', usage: { promptTokens: 60, completionTokens: 4 } } })
})

await t.test('with a prefix cache', async t => {
  const caching = { ...limits, snapshots: 4, contextTokens: 96 }
  const cachedOf = (events: ScheduledEvent[], id: number): unknown => events.filter(scheduled => scheduled.id === id).map(({ event }) => event.type === 'accepted' ? event.cachedTokens : null)[0]

  await t.test('a prompt goes on from the longest cached block before its last token', async t => {
    const model = new CountingModel()
    const scheduler = new Scheduler(model, caching)
    scheduler.submit(1, jobOf(40, 2))
    t.equal(cachedOf(runAll(scheduler), 1), 0)
    t.same(model.copies, ['snapshot 0 of slot 0 at 16', 'snapshot 1 of slot 0 at 32'])
    const steps = model.steps.length
    scheduler.submit(2, jobOf(48, 2))
    const events = runAll(scheduler)
    t.equal(cachedOf(events, 2), 32)
    t.match(events.at(-1), { event: { usage: { promptTokens: 48, cachedTokens: 32 } } })
    t.same(model.steps[steps], [{ slot: 0, position: 32, rows: 16 }])
    scheduler.submit(3, jobOf(32, 2))
    t.equal(cachedOf(runAll(scheduler), 3), 16, 'the last token is computed, for its logits')
  })

  await t.test('alternatives to one answer share its prompt: it is computed once, but for its last block', async t => {
    const model = new CountingModel()
    const scheduler = new Scheduler(model, { ...caching, slots: 8, blocks: 64 })
    for (let id = 1; id <= 8; id++) scheduler.submit(id, jobOf(40, 2))
    const events = runAll(scheduler)
    t.same(Array.from({ length: 8 }, (_, i) => cachedOf(events, i + 1)), [0, ...Array.from({ length: 7 }, () => 32)])
    t.equal(scheduler.load().promptTokensTotal, 40 + 7 * (40 - 32))
    const texts = Array.from({ length: 8 }, (_, i) => events.flatMap(({ id, event }) => id === i + 1 && event.type === 'tokens' ? event.ids : []))
    for (const text of texts) t.same(text, texts[0])
  })

  await t.test('who waits for a prompt lets others pass, and waits no longer than it is computed', async t => {
    const scheduler = new Scheduler(new CountingModel(), { ...caching, slots: 4, blocks: 64 })
    for (const id of [1, 2]) scheduler.submit(id, jobOf(40, 8))
    scheduler.submit(3, jobOf(5, 2, { tokenIds: [9, 9, 9, 9, 9] }))
    scheduler.submit(4, jobOf(40, 2, { cacheSalt: 'other' }))
    const accepted = (events: ScheduledEvent[]): number[] => events.flatMap(({ id, event }) => event.type === 'accepted' ? [id] : [])
    t.same(accepted(scheduler.step()), [1, 3, 4], 'another prompt, and the same of another key')
    scheduler.abort(1)
    t.same(accepted(runAll(scheduler)), [2], 'when its leader is gone it computes by itself')
  })

  await t.test('another salt, or another token, is another prefix', async t => {
    const scheduler = new Scheduler(new CountingModel(), caching)
    scheduler.submit(1, jobOf(40, 2, { cacheSalt: 'one' }))
    runAll(scheduler)
    scheduler.submit(2, jobOf(40, 2, { cacheSalt: 'two' }))
    t.equal(cachedOf(runAll(scheduler), 2), 0)
    scheduler.submit(3, jobOf(40, 2, { cacheSalt: 'one', tokenIds: Array.from({ length: 40 }, (_, i) => i === 17 ? 48 : i % 7) }))
    t.equal(cachedOf(runAll(scheduler), 3), 16)
  })

  await t.test('what was generated is part of the next prompt', async t => {
    const scheduler = new Scheduler(new CountingModel(), caching)
    scheduler.submit(1, jobOf(10, 30, { tokenIds: Array.from({ length: 10 }, () => 1) }))
    const answer = runAll(scheduler).flatMap(({ event }) => event.type === 'tokens' ? event.ids : [])
    scheduler.submit(2, jobOf(0, 2, { tokenIds: [...Array.from({ length: 10 }, () => 1), ...answer, 3] }))
    t.equal(cachedOf(runAll(scheduler), 2), 32)
  })

  await t.test('cached blocks make room for jobs, and count as free', async t => {
    const scheduler = new Scheduler(new CountingModel(), caching)
    scheduler.submit(1, jobOf(40, 2))
    runAll(scheduler)
    t.equal(scheduler.load().kvUsedTokens, 0)
    for (const id of [2, 3]) scheduler.submit(id, jobOf(10, 54, { tokenIds: Array.from({ length: 10 }, () => id) }))
    t.same(scheduler.step().flatMap(({ id, event }) => event.type === 'accepted' ? [id] : []), [2, 3])
    t.equal(scheduler.load().kvUsedTokens, 128)
  })

  await t.test('the longest unused goes first, never what a running job stands on', async t => {
    const scheduler = new Scheduler(new CountingModel(), { ...caching, snapshots: 2 })
    const prompt = (token: number): Partial<Job> => ({ tokenIds: Array.from({ length: 20 }, () => token) })
    for (const id of [1, 2, 1, 3]) {
      scheduler.submit(id, jobOf(0, 2, prompt(id)))
      runAll(scheduler)
    }
    scheduler.submit(10, jobOf(0, 2, prompt(1)))
    t.equal(cachedOf(runAll(scheduler), 10), 16, 'used again before 3 came')
    scheduler.submit(11, jobOf(0, 2, prompt(2)))
    t.equal(cachedOf(runAll(scheduler), 11), 0)
  })
})
