/**
 * An engine that computes nothing: it says what its script says, when its script says so, and breaks on request.
 * It exists so that routing, load and failures can be tried without weights; it describes itself as `simulator`.
 */
import { once } from 'node:events'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import type { EngineDescription } from '../../contract/description.js'
import type { FailEvent, JobEvent, LoadReport } from '../../contract/event.js'
import type { Job } from '../../contract/job.js'
import type { Engine } from '../engine.js'
import { answerFromScript, type AnswerSource } from './simulated-answer.js'
import { refuseJob, simulatedLogprob } from './simulated-model.js'
import { simulatorScriptSchema, type SimulatorFault, type SimulatorScript } from './simulator-script.js'

export interface SimulatorOptions extends Partial<Omit<SimulatorScript, 'answer' | 'timing' | 'faults'>> {
  answer?: SimulatorScript['answer'] | AnswerSource
  timing?: Partial<SimulatorScript['timing']>
  faults?: SimulatorFault[]
}

/** What a corrupt worker says. */
const garbageId = 7

interface RunningJob {
  job: Job
  /** Aborts with the FailEvent that ends the job, or with anything else when the caller has left. */
  ending: AbortController
  queuedTokens: number
}

export class SimulatorEngine implements Engine {
  readonly failed: Promise<Error>
  readonly #script: SimulatorScript
  readonly #answer: AnswerSource
  readonly #running = new Set<RunningJob>()
  #fail: (error: Error) => void = () => {}
  #closing: FailEvent | null = null
  #hung = false
  #promptTokensTotal = 0
  #generatedTokensTotal = 0

  constructor (options: SimulatorOptions = {}) {
    const { answer, ...rest } = options
    this.#script = simulatorScriptSchema.parse(typeof answer === 'object' ? { ...rest, answer } : rest)
    this.#answer = typeof answer === 'function' ? answer : answerFromScript(this.#script.answer)
    this.failed = new Promise(resolve => { this.#fail = resolve })
  }

  describe (): EngineDescription {
    const { checkpoint, effortLadder, vocabularySize, contextTokens, constraints, resume, constrainedResume, abort } = this.#script
    return {
      engine: 'simulator',
      checkpoint: { name: checkpoint, revision: 'simulated', trained: false, effortLadder, vocabularySize, parameters: null },
      contextTokens,
      capabilities: { tokenIds: true, resume, constrainedResume, abort, logprobs: true, seed: true, constraints },
      ranks: null
    }
  }

  load (): LoadReport {
    const running = [...this.#running]
    return {
      running: running.length,
      waiting: 0,
      queuedTokens: running.reduce((sum, { queuedTokens }) => sum + queuedTokens, 0),
      kvUsedTokens: null,
      kvCapacityTokens: null,
      promptTokensTotal: this.#promptTokensTotal,
      generatedTokensTotal: this.#generatedTokensTotal
    }
  }

  async * generate (job: Job, signal: AbortSignal): AsyncGenerator<JobEvent, void, undefined> {
    const refusal = this.#closing ?? refuseJob(job, this.#script)
    if (refusal !== null) {
      yield refusal
      return
    }
    const running: RunningJob = { job, ending: new AbortController(), queuedTokens: job.tokenIds.length }
    let emitted = 0
    const leave = (): void => {
      if (this.#dueFault(job, emitted)?.kind === 'abort-kills') this.#die()
      running.ending.abort()
    }
    signal.addEventListener('abort', leave)
    if (signal.aborted) leave()
    this.#running.add(running)
    try {
      for await (const event of this.#run(running)) {
        if (event.type === 'tokens') emitted += event.ids.length
        yield event
      }
    } catch (error) {
      if (!running.ending.signal.aborted) throw error
      const reason: unknown = running.ending.signal.reason
      yield isFailEvent(reason) ? reason : done(job, emitted, 'abort', null)
    } finally {
      signal.removeEventListener('abort', leave)
      this.#running.delete(running)
    }
  }

  async close (): Promise<void> {
    this.#end({ type: 'fail', code: 'engine-closed', message: 'the engine was closed', blame: 'worker', retryable: true })
  }

  /** Throws as soon as the job is aborted; the answer source is then closed. */
  async * #run (running: RunningJob): AsyncGenerator<JobEvent, void, undefined> {
    const { job, ending: { signal } } = running
    yield { type: 'accepted', cachedTokens: 0 }
    await this.#prefill(running)
    const resumedFrom = job.resumedFrom ?? 0
    const original = { ...job, tokenIds: job.tokenIds.slice(0, job.tokenIds.length - resumedFrom) }
    const room = Math.min(job.sampling.maxTokens, this.#script.contextTokens - job.tokenIds.length)
    let skip = resumedFrom
    let emitted = 0
    if (yield * this.#strike(running, emitted)) return

    for await (const piece of abortable(this.#answer(original), signal)) {
      const ids = [piece].flat().slice(0, room - emitted + skip)
      const stop = ids.findIndex(id => job.sampling.stopTokenIds.includes(id))
      const fresh = ids.slice(skip, stop < 0 ? undefined : Math.max(stop, skip))
      skip = Math.max(0, skip - ids.length)
      if (fresh.length > 0) {
        await this.#step(signal)
        emitted += fresh.length
        this.#generatedTokensTotal += fresh.length
        const said = this.#isGarbled(job, emitted) ? fresh.map(() => garbageId) : fresh
        yield { type: 'tokens', ids: said, ...simulatedLogprob(said, job, this.#script.vocabularySize) }
      }
      if (yield * this.#strike(running, emitted)) return
      if (stop >= 0) return yield done(job, emitted, 'stop', ids[stop] ?? null)
      if (emitted >= room) return yield done(job, emitted, 'length', null)
    }
    yield done(job, emitted, 'stop', job.sampling.stopTokenIds[0] ?? null)
  }

  /** Applies the fault that is due now, if any; true when the stream ends here. */
  async * #strike ({ job, ending }: RunningJob, emitted: number): AsyncGenerator<JobEvent, boolean, undefined> {
    const fault = this.#dueFault(job, emitted)
    if (fault === undefined || fault.kind === 'garbage' || fault.kind === 'abort-kills') return false
    if (fault.kind === 'cut') return true
    if (fault.kind === 'fail') {
      const { code = 'simulated', message = 'simulated failure', blame = 'worker', retryable = true } = fault.event ?? {}
      yield { type: 'fail', code, message, blame, retryable }
      return true
    }
    if (fault.kind === 'die') this.#die()
    if (fault.kind === 'hang') this.#hung = true
    await this.#silence(ending.signal)
    return false
  }

  #dueFault (job: Job, emitted: number): SimulatorFault | undefined {
    return this.#script.faults.find(({ afterTokens, onAttempt }) => afterTokens <= emitted && (onAttempt ?? job.attempt) === job.attempt)
  }

  /** `emitted` counts the tokens about to be said. */
  #isGarbled (job: Job, emitted: number): boolean {
    return this.#dueFault(job, emitted - 1)?.kind === 'garbage'
  }

  #die (): void {
    this.#end({ type: 'fail', code: 'rank-died', message: 'simulated death of a rank', blame: 'worker', retryable: true })
    this.#fail(new Error('simulated death of a rank'))
  }

  async #prefill (running: RunningJob): Promise<void> {
    const tokens = running.job.tokenIds.length
    const rate = this.#script.timing.prefillTokensPerSecond
    await this.#pause(rate === null ? 0 : tokens / rate * 1000, running.ending.signal)
    running.queuedTokens = 0
    this.#promptTokensTotal += tokens
  }

  async #step (signal: AbortSignal): Promise<void> {
    const { decodeMs, decodeMsPerJob } = this.#script.timing
    await this.#pause(decodeMs + decodeMsPerJob * this.#running.size, signal)
  }

  async #pause (ms: number, signal: AbortSignal): Promise<void> {
    // A turn of the event loop even when a step takes no time: the host must hear aborts and probes between tokens.
    await (ms === 0 ? nextTurn(undefined, { signal }) : sleep(ms, undefined, { signal }))
    if (this.#hung) await this.#silence(signal)
  }

  async #silence (signal: AbortSignal): Promise<never> {
    if (!signal.aborted) await once(signal, 'abort')
    throw new Error('the job was ended')
  }

  #end (event: FailEvent): void {
    this.#closing ??= event
    for (const { ending } of this.#running) ending.abort(event)
  }
}

function done (job: Job, completionTokens: number, finish: 'stop' | 'length' | 'abort', stopTokenId: number | null): JobEvent {
  return { type: 'done', finish, stopTokenId, usage: { promptTokens: job.tokenIds.length, completionTokens, cachedTokens: 0 } }
}

function isFailEvent (reason: unknown): reason is FailEvent {
  return typeof reason === 'object' && reason !== null && 'type' in reason && reason.type === 'fail'
}

/** Iterates a source that may itself wait, and gives up waiting when the signal aborts. */
async function * abortable<T> (source: Iterable<T> | AsyncIterable<T>, signal: AbortSignal): AsyncGenerator<T, void, undefined> {
  const iterator = Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]()
  const aborted = new Promise<never>((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(new Error('the job was ended')), { once: true })
  })
  aborted.catch(() => {})
  try {
    while (true) {
      const result = await Promise.race([iterator.next(), aborted])
      if (result.done === true) return
      yield result.value
    }
  } finally {
    // Not awaited: a source that waits for something else would keep an aborted job here.
    Promise.resolve(iterator.return?.()).catch(() => {})
  }
}
