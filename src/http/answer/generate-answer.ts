/**
 * Runs a planned answer: token ids from dispatch become text, reasoning and tool calls, and exact counts.
 *
 * Ends in `finished` or throws; a consumer that returns early, or an aborted signal, stops the worker.
 */
import type { AnswerPart } from '../../dialects/answer.js'
import type { DispatchEvent, Dispatcher } from '../../dispatch/dispatch-event.js'
import type { JobObserver } from '../../dispatch/job-observer.js'
import { GatewayError } from '../../errors.js'
import type { AnswerReader, CheckpointLanguage } from '../../language/checkpoint-language.js'
import { AnswerRecord } from './answer-record.js'
import type { CallStore } from './call-store.js'
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

async function * answerParts ({ plan, language, dispatcher, calls, observer, signal }: GenerationContext): AsyncGenerator<AnswerPart, void, undefined> {
  const reader = language.openAnswer(plan.prompt, { tools: plan.offeredTools, stopStrings: plan.stopStrings, allowsParallelToolCalls: plan.allowsParallelToolCalls })
  const aligner = plan.job.sampling.logprobs === undefined ? null : new LogprobAligner(id => language.tokenBytes(id))
  const record = new AnswerRecord()
  let cachedTokens = 0
  let completionTokens = 0
  let end: 'stop' | 'length' | null = null

  for await (const event of dispatcher.generate(plan.job, signal, observer.forJob())) {
    if (event.type === 'accepted') {
      cachedTokens = event.cachedTokens ?? 0
      yield event
    } else if (event.type === 'tokens') {
      completionTokens += event.ids.length
      const part = readTokens(event, { reader, aligner, record })
      if (part !== null) yield part
      if (reader.isStopped) {
        end = 'stop'
        break
      }
    } else {
      end = endOf(event)
      cachedTokens = event.usage.cachedTokens ?? cachedTokens
      break
    }
  }
  signal.throwIfAborted()
  if (end === null) throw new GatewayError('worker_stream_broken', 'The worker ended the answer without finishing it')

  const rest = readEnd(end, { reader, aligner, record })
  if (rest !== null) yield rest
  record.remember(calls)
  yield {
    type: 'finished',
    finish: end === 'length' ? 'length' : record.hasCalls ? 'tool_calls' : 'stop',
    stopString: reader.stopString,
    usage: { promptTokens: plan.job.tokenIds.length, cachedTokens, completionTokens, reasoningTokens: reader.reasoningTokens }
  }
}

interface Reading {
  reader: AnswerReader
  aligner: LogprobAligner | null
  record: AnswerRecord
}

function readTokens (event: Extract<DispatchEvent, { type: 'tokens' }>, { reader, aligner, record }: Reading): AnswerPart | null {
  const pieces = record.add(reader.push(event.ids))
  aligner?.push(event.ids, event.logprobs ?? [], reader.lastChannels)
  return pieces.length === 0 ? null : { type: 'progress', pieces, logprobs: aligner?.take(pieces) ?? null }
}

/** What was held back. After a stop string the tokens beyond it are dropped with their text. */
function readEnd (end: 'stop' | 'length', { reader, aligner, record }: Reading): AnswerPart | null {
  const pieces = record.add(reader.end(end))
  const logprobs = reader.isStopped ? null : aligner?.rest() ?? null
  const isEmpty = pieces.length === 0 && (logprobs === null || logprobs.content.length + logprobs.reasoning.length === 0)
  return isEmpty ? null : { type: 'progress', pieces, logprobs }
}

function endOf (event: Extract<DispatchEvent, { type: 'done' }>): 'stop' | 'length' {
  if (event.finish !== 'abort') return event.finish
  throw new GatewayError('worker_failed', 'The worker gave the answer up before it was finished')
}
