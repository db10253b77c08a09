/**
 * Flash first, Pro when a check fails. Nothing is sent before flash's answer is complete and checked: the client sees one
 * answer, of one tier, and the reason says which check sent it there. What flash used is owed either way.
 */
import type { AnswerPart, FinishedPart } from '../../dialects/answer.js'
import type { Dispatcher } from '../../dispatch/dispatch-event.js'
import { GatewayError } from '../../errors.js'
import type { AnswerWatch } from './answer-watch.js'
import type { Bill } from './bill.js'
import { cascadeFailure, type CascadeFailure } from './check-answer.js'
import type { AnswerObserver } from './generate-answer.js'
import type { AnswerPlan } from './plan-answer.js'

export interface FirstAttempt {
  watch: AnswerWatch
  bill: Bill
  dispatcher: Dispatcher
  minMeanLogprob: number | null
  run (plan: AnswerPlan, dispatcher: Dispatcher): AsyncIterable<AnswerPart>
}

export interface FirstAnswer {
  parts: AnswerPart[]
  finished: FinishedPart
  failure: CascadeFailure | null
}

/** Runs the first tier to its end. A failure of its own is the request's. */
export async function tryFirst ({ watch, bill, dispatcher, minMeanLogprob, run }: FirstAttempt): Promise<FirstAnswer> {
  const parts: AnswerPart[] = []
  let finished: FinishedPart | null = null
  try {
    for await (const part of watch.read(run(watch.plan, watch.listenTo(dispatcher)))) {
      parts.push(part)
      if (part.type === 'finished') finished = part
    }
    if (finished === null) throw new GatewayError('worker_stream_broken', 'The worker ended the answer without finishing it')
  } catch (error) {
    await bill.end(error)
    throw error
  }
  return { parts, finished, failure: cascadeFailure(watch.signals, minMeanLogprob) }
}

/** As if it were made now. */
export async function * replay (parts: readonly AnswerPart[], observer: Pick<AnswerObserver, 'answered'>): AsyncGenerator<AnswerPart, void, undefined> {
  for (const part of parts) {
    observer.answered(part)
    yield part
  }
}
