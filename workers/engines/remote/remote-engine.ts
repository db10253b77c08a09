/**
 * An engine that runs elsewhere, seen as one of ours: the refusals, the contract's order of events, stop tokens and limits,
 * load reports and the end of the engine's life, whatever the wire.
 */
import type { EngineDescription } from '../../contract/description.js'
import type { FailEvent, JobEvent, JobUsage, LoadReport } from '../../contract/event.js'
import type { Job } from '../../contract/job.js'
import type { Engine } from '../engine.js'
import { brokenStream, EngineFault } from './engine-fault.js'
import type { AnswerStep, RemoteAdapter, RemoteLoad } from './remote-adapter.js'

export interface RemoteEngineOptions {
  /** Between load reports. */
  pollMs?: number
  /** Refused connections in a row that mean the engine is gone. A slow answer does not count: long prefills cause those. */
  missedPolls?: number
  /** What an aborted job does to the engine, as its operator knows; engines do not say. */
  abort?: 'safe' | 'drain' | 'never'
}

interface RunningJob {
  job: Job
  ending: AbortController
  emitted: number
  hasBegun: boolean
}

export class RemoteEngine implements Engine {
  readonly failed: Promise<Error>
  readonly #adapter: RemoteAdapter
  readonly #missedPolls: number
  readonly #abort: NonNullable<RemoteEngineOptions['abort']>
  readonly #timer: NodeJS.Timeout
  readonly #running = new Set<RunningJob>()
  #load: RemoteLoad = {}
  #promptTokensTotal = 0
  #generatedTokensTotal = 0
  #missed = 0
  #incarnation: string | null = null
  #isPolling = false
  #closing: FailEvent | null = null
  #fail: (error: Error) => void = () => {}

  constructor (adapter: RemoteAdapter, { pollMs = 1000, missedPolls = 3, abort = 'safe' }: RemoteEngineOptions = {}) {
    this.#adapter = adapter
    this.#missedPolls = missedPolls
    this.#abort = abort
    this.failed = new Promise(resolve => { this.#fail = resolve })
    this.#timer = setInterval(() => { this.poll().catch(() => {}) }, pollMs)
    this.#timer.unref()
  }

  describe (): EngineDescription {
    const { capabilities, ...description } = this.#adapter.description
    return { ...description, capabilities: this.#abort === 'safe' ? capabilities : { ...capabilities, abort: this.#abort } }
  }

  load (): LoadReport {
    const { incarnation: _incarnation, ...load } = this.#load
    const jobs = [...this.#running]
    return {
      running: jobs.length,
      waiting: null,
      queuedTokens: jobs.reduce((sum, { job, hasBegun }) => sum + (hasBegun ? 0 : job.tokenIds.length), 0),
      kvUsedTokens: null,
      kvCapacityTokens: null,
      promptTokensTotal: this.#promptTokensTotal,
      generatedTokensTotal: this.#generatedTokensTotal,
      ...load
    }
  }

  /** Asks the engine for its load now; also how its end is noticed. */
  async poll (): Promise<void> {
    if (this.#isPolling || this.#closing !== null) return
    this.#isPolling = true
    try {
      const load = await this.#adapter.readLoad()
      this.#missed = 0
      this.#load = load
      this.#checkIncarnation(load.incarnation ?? null)
    } catch (error) {
      this.#load = {}
      if (!(error instanceof EngineFault)) throw error
      this.#missed = error.code === 'engine-unreachable' ? this.#missed + 1 : 0
      if (this.#missed >= this.#missedPolls) this.#die(`the engine is gone: ${error.message}`)
      if (error.code === 'engine-dead') this.#die(error.message)
    } finally {
      this.#isPolling = false
    }
  }

  async * generate (job: Job, signal: AbortSignal): AsyncGenerator<JobEvent, void, undefined> {
    const refusal = this.#closing ?? this.#refuse(job)
    if (refusal !== null) return yield refusal
    const running: RunningJob = { job, ending: new AbortController(), emitted: 0, hasBegun: false }
    const leave = (): void => running.ending.abort()
    signal.addEventListener('abort', leave)
    if (signal.aborted) leave()
    this.#running.add(running)
    let isOver = false
    try {
      yield { type: 'accepted', cachedTokens: null }
      for await (const event of this.#events(running)) {
        isOver = event.type === 'done'
        yield event
        if (isOver) return
      }
      throw brokenStream('the engine ended its stream without a reason')
    } catch (error) {
      if (running.ending.signal.aborted) {
        const reason: unknown = running.ending.signal.reason
        yield isFailEvent(reason) ? reason : done({ reason: 'abort', stopTokenId: null }, this.#usageOf(running, null, undefined))
      } else if (error instanceof EngineFault) {
        isOver = error.blame === 'request' || error.code === 'engine-unreachable'
        yield error.toFailEvent()
      } else {
        throw error
      }
    } finally {
      signal.removeEventListener('abort', leave)
      this.#running.delete(running)
      running.ending.abort()
      if (!isOver) this.#adapter.abort(job).catch(() => {})
    }
  }

  async close (): Promise<void> {
    if (this.#closing !== null) return
    this.#end({ type: 'fail', code: 'engine-closed', message: 'the engine was closed', blame: 'worker', retryable: true })
    await this.#adapter.close()
  }

  /** The end is known at the stop token or at the limit, but the engine's own last word carries its counts: it is waited for, unless more ids come. */
  async * #events (running: RunningJob): AsyncGenerator<JobEvent, void, undefined> {
    let cachedTokens: number | null = null
    let counts: AnswerStep['usage']
    let end: AnswerStep['finish'] = null
    for await (const step of this.#adapter.answer(running.job, running.ending.signal)) {
      this.#begin(running)
      cachedTokens = step.cachedTokens ?? cachedTokens
      counts = step.usage ?? counts
      const isBeyond = end !== null && step.ids.length > 0
      if (!isBeyond) {
        const { ids, stopTokenId } = this.#cut(step, running)
        if (ids.length > 0) yield this.#tokens(running, ids, step)
        for (const piece of step.pieces ?? []) yield piece
        end ??= endOf(running, step, stopTokenId)
      }
      if (end === null || (step.finish === null && !isBeyond)) continue
      yield done(end, this.#usageOf(running, cachedTokens, counts))
      return
    }
  }

  #tokens (running: RunningJob, ids: number[], { logprobs }: AnswerStep): JobEvent {
    running.emitted += ids.length
    this.#generatedTokensTotal += ids.length
    return { type: 'tokens', ids, ...(logprobs === undefined ? {} : { logprobs: logprobs.slice(0, ids.length) }) }
  }

  /** Ids up to the stop token, which no event carries, and up to the job's limit. */
  #cut ({ ids }: AnswerStep, { job: { sampling }, emitted }: RunningJob): { ids: number[], stopTokenId: number | null } {
    const stop = ids.findIndex(id => sampling.stopTokenIds.includes(id))
    const room = sampling.maxTokens - emitted
    if (stop < 0 || stop > room) return { ids: ids.slice(0, room), stopTokenId: null }
    return { ids: ids.slice(0, stop), stopTokenId: ids[stop] ?? null }
  }

  /** Ids are counted here; text only by the engine itself, if it does. */
  #usageOf ({ job, emitted }: RunningJob, cachedTokens: number | null, counts: AnswerStep['usage']): JobUsage | null {
    if (counts !== undefined) return { ...counts, cachedTokens }
    return this.#adapter.description.capabilities.tokenIds ? { promptTokens: job.tokenIds.length, completionTokens: emitted, cachedTokens } : null
  }

  #begin (running: RunningJob): void {
    if (running.hasBegun) return
    running.hasBegun = true
    this.#promptTokensTotal += running.job.tokenIds.length
  }

  #refuse (job: Job): FailEvent | null {
    const { contextTokens, capabilities } = this.#adapter.description
    if (job.tokenIds.length >= contextTokens) {
      return refusal('context-overflow', `${job.tokenIds.length} prompt tokens leave no room in a context of ${contextTokens}`)
    }
    if (job.constraint !== undefined && !capabilities.constraints.includes(job.constraint.kind)) {
      return refusal('unsupported-constraint', `this engine does not support the constraint ${job.constraint.kind}`)
    }
    if (job.sampling.logprobs !== undefined && !capabilities.logprobs) return refusal('unsupported-logprobs', 'this engine gives no log-probabilities')
    if (job.resumedFrom !== undefined && !capabilities.resume) return refusal('unsupported-resume', 'this engine cannot go on in the middle of an answer')
    if (job.resumedFrom !== undefined && job.constraint !== undefined && capabilities.constrainedResume !== true) {
      return refusal('unsupported-resume', 'this engine cannot go on in the middle of a constrained answer')
    }
    if (job.chat === undefined && !capabilities.tokenIds) return refusal('chat-needed', 'this engine only speaks chat and the job carries none')
    return null
  }

  #checkIncarnation (incarnation: string | null): void {
    if (incarnation === null || this.#incarnation === incarnation) return
    if (this.#incarnation !== null) this.#die('the engine was restarted')
    this.#incarnation = incarnation
  }

  #die (message: string): void {
    this.#end({ type: 'fail', code: 'engine-died', message, blame: 'worker', retryable: true })
    this.#fail(new Error(message))
  }

  #end (event: FailEvent): void {
    this.#closing ??= event
    clearInterval(this.#timer)
    for (const { ending } of this.#running) ending.abort(event)
  }
}

function endOf ({ job, emitted }: RunningJob, { finish }: AnswerStep, stopTokenId: number | null): AnswerStep['finish'] {
  if (stopTokenId !== null) return { reason: 'stop', stopTokenId }
  return finish ?? (emitted >= job.sampling.maxTokens ? { reason: 'length', stopTokenId: null } : null)
}

function done ({ reason, stopTokenId }: NonNullable<AnswerStep['finish']>, usage: JobUsage | null): JobEvent {
  return { type: 'done', finish: reason, stopTokenId, usage }
}

function refusal (code: string, message: string): FailEvent {
  return { type: 'fail', code, message, blame: 'request', retryable: false }
}

function isFailEvent (reason: unknown): reason is FailEvent {
  return typeof reason === 'object' && reason !== null && 'type' in reason && reason.type === 'fail'
}
