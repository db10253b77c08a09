/**
 * Runs a planned answer: token ids from dispatch become text, reasoning and tool calls, and exact counts. Engines that only speak
 * chat have done that themselves.
 *
 * Ends in `finished` or throws; a consumer that returns early, or an aborted signal, stops the worker.
 */
import type { AnswerPart, AnswerPiece, AnswerUsage, FinishedPart } from '../../dialects/answer.js'
import type { DispatchEvent, Dispatcher, FinishedJob, JobRequest } from '../../dispatch/dispatch-event.js'
import type { JobObserver } from '../../dispatch/job-observer.js'
import { GatewayError } from '../../errors.js'
import type { AnswerReader, CheckpointLanguage } from '../../language/checkpoint-language.js'
import type { AnswerEvent } from '../../language/parse/answer-event.js'
import { AnswerRecord } from './answer-record.js'
import type { CallStore } from './call-store.js'
import { EngineText } from './engine-text.js'
import { LogprobAligner } from './logprob-aligner.js'
import type { AnswerPlan } from './plan-answer.js'

/** Who watches jobs and the answer made from them. */
export interface AnswerObserver {
  /** Asked once for each job. */
  forJob (): JobObserver
  answered (part: AnswerPart): void
}

export interface GenerationContext {
  plan: AnswerPlan
  language: CheckpointLanguage
  dispatcher: Dispatcher
  calls: CallStore
  observer: AnswerObserver
  signal: AbortSignal
}

export async function * generateAnswer (context: GenerationContext): AsyncGenerator<AnswerPart, void, undefined> {
  for await (const part of answerParts(context)) {
    context.observer.answered(part)
    yield part
  }
}

async function * answerParts (context: GenerationContext): AsyncGenerator<AnswerPart, void, undefined> {
  const finished = yield * oneAnswer(context)
  if (!finished.isEmpty || !mayDiffer(context.plan)) return yield finished.part
  const again = yield * oneAnswer({ ...context, plan: { ...context.plan, job: askedAgain(context.plan.job) } })
  yield { ...again.part, usage: usageOfBoth(finished.part.usage, again.part.usage) }
}

interface Finished {
  part: FinishedPart
  /** It ended by itself with nothing in it but reasoning. */
  isEmpty: boolean
}

async function * oneAnswer ({ plan, language, dispatcher, calls, observer, signal }: GenerationContext): AsyncGenerator<AnswerPart, Finished, undefined> {
  const reading = new AnswerReading(plan, language)
  for await (const event of dispatcher.generate(plan.job, signal, observer.forJob())) {
    const part = reading.take(event)
    if (part !== null) yield part
    if (reading.end !== null) break
  }
  signal.throwIfAborted()
  const { rest, finished } = await reading.finish()
  if (rest !== null) yield rest
  reading.record.remember(calls)
  return { part: finished, isEmpty: reading.isEmpty }
}

/** With tools on offer V4 sometimes thinks, and then stops instead of calling one; asked again it mostly does. A greedy answer would come out the same. */
function mayDiffer ({ offeredTools, job }: AnswerPlan): boolean {
  return offeredTools.length > 0 && job.sampling.temperature > 0
}

function askedAgain ({ requestId, sampling: { seed: _seed, ...sampling }, ...job }: JobRequest): JobRequest {
  return { ...job, requestId: `${requestId}.again`, sampling }
}

/** One prompt, and all that was generated. */
function usageOfBoth (first: AnswerUsage, second: AnswerUsage): AnswerUsage {
  return { ...second, cachedTokens: first.cachedTokens, completionTokens: first.completionTokens + second.completionTokens, reasoningTokens: first.reasoningTokens + second.reasoningTokens }
}

/** One answer as it is read, from ids or from an engine that parsed it itself. */
class AnswerReading {
  readonly record: AnswerRecord
  readonly #plan: AnswerPlan
  readonly #language: CheckpointLanguage
  readonly #reader: AnswerReader
  readonly #aligner: LogprobAligner | null
  readonly #engineText: EngineText
  #cachedTokens = 0
  #completionTokens = 0
  #hasContent = false
  #end: 'stop' | 'length' | null = null
  #engineEnd: FinishedJob | null = null

  constructor (plan: AnswerPlan, language: CheckpointLanguage) {
    const { stopStrings, allowsParallelToolCalls, offeredTools, prompt, job } = plan
    this.#plan = plan
    this.#language = language
    this.#reader = language.openAnswer(prompt, { tools: offeredTools, stopStrings, allowsParallelToolCalls })
    this.#aligner = job.sampling.logprobs === undefined ? null : new LogprobAligner(id => language.tokenBytes(id))
    this.#engineText = new EngineText({ isThinking: prompt.start === 'reasoning', allowsParallelToolCalls })
    this.record = new AnswerRecord(index => this.#engineText.callId(index))
  }

  /** Nothing but reasoning, and nobody's limit or stop string is to blame. */
  get isEmpty (): boolean {
    return this.#end === 'stop' && !this.#hasContent && !this.record.hasCalls && this.#reader.stopString === null
  }

  /** null until nothing more is to be read. */
  get end (): 'stop' | 'length' | null {
    return this.#end
  }

  take (event: DispatchEvent): AnswerPart | null {
    switch (event.type) {
      case 'accepted':
        this.#cachedTokens = event.cachedTokens ?? 0
        return event
      case 'tokens': return this.#takeTokens(event)
      case 'done':
        this.#end = endOf(event)
        this.#cachedTokens = event.usage?.cachedTokens ?? this.#cachedTokens
        if (event.countedBy === 'engine') this.#engineEnd = event
        return null
      default: return progressOf(this.#add(this.#engineText.push(event)))
    }
  }

  /** @throws GatewayError worker_stream_broken when the answer has no end */
  async finish (): Promise<{ rest: AnswerPart | null, finished: FinishedPart }> {
    const end = this.#end
    if (end === null) throw new GatewayError('worker_stream_broken', 'The worker ended the answer without finishing it')
    const rest = this.#engineEnd === null ? this.#readRest(end) : progressOf(this.#add(this.#engineText.end(end)))
    const finish = end === 'length' ? 'length' : this.record.hasCalls ? 'tool_calls' : 'stop'
    return { rest, finished: { type: 'finished', finish, stopString: this.#reader.stopString, usage: await this.#usage() } }
  }

  #add (events: readonly AnswerEvent[]): AnswerPiece[] {
    this.#hasContent ||= events.some(event => event.type === 'content' && event.text.trim() !== '')
    return this.record.add(events)
  }

  #takeTokens ({ ids, logprobs = [] }: Extract<DispatchEvent, { type: 'tokens' }>): AnswerPart | null {
    this.#completionTokens += ids.length
    const pieces = this.#add(this.#reader.push(ids))
    this.#aligner?.push(ids, logprobs, this.#reader.lastChannels)
    if (this.#reader.isStopped) this.#end = 'stop'
    return pieces.length === 0 ? null : { type: 'progress', pieces, logprobs: this.#aligner?.take(pieces) ?? null }
  }

  /** What was held back. After a stop string the tokens beyond it are dropped with their text. */
  #readRest (end: 'stop' | 'length'): AnswerPart | null {
    const pieces = this.#add(this.#reader.end(end))
    const logprobs = this.#reader.isStopped ? null : this.#aligner?.rest() ?? null
    const isEmpty = pieces.length === 0 && (logprobs === null || logprobs.content.length + logprobs.reasoning.length === 0)
    return isEmpty ? null : { type: 'progress', pieces, logprobs }
  }

  async #usage (): Promise<AnswerUsage> {
    const promptTokens = this.#plan.job.tokenIds.length
    if (this.#engineEnd !== null) return await this.#engineText.usage(this.#engineEnd, promptTokens, this.#language)
    return { promptTokens, cachedTokens: this.#cachedTokens, completionTokens: this.#completionTokens, reasoningTokens: this.#reader.reasoningTokens }
  }
}

function progressOf (pieces: AnswerPiece[]): AnswerPart | null {
  return pieces.length === 0 ? null : { type: 'progress', pieces, logprobs: null }
}

function endOf (event: Extract<DispatchEvent, { type: 'done' }>): 'stop' | 'length' {
  if (event.finish !== 'abort') return event.finish
  throw new GatewayError('worker_failed', 'The worker gave the answer up before it was finished')
}
