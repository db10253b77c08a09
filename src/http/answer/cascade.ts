/**
 * Flash first, Pro when a check fails. Nothing is sent before flash's answer is complete and checked: the client sees one
 * answer, of one tier, and the reason says which check sent it there. What flash used is owed either way.
 */
import type { AnswerPart, FinishedPart } from '../../dialects/answer.js'
import type { AnswerRequest } from '../../dialects/answer-request.js'
import type { Dispatcher } from '../../dispatch/dispatch-event.js'
import { GatewayError } from '../../errors.js'
import type { Bill } from './bill.js'
import { checkAnswer, type CascadeFailure } from './check-answer.js'
import { Confidence } from './confidence.js'
import type { AnswerObserver } from './generate-answer.js'
import type { AnswerPlan } from './plan-answer.js'

export interface FirstAttempt {
  request: Pick<AnswerRequest, 'answerForm' | 'sampling'>
  plan: AnswerPlan
  bill: Bill
  dispatcher: Dispatcher
  minMeanLogprob: number | null
  run (plan: AnswerPlan, dispatcher: Dispatcher): AsyncIterable<AnswerPart>
}

export interface FirstAnswer {
  parts: AnswerPart[]
  finished: FinishedPart
  failure: CascadeFailure | null
  meanLogprob: number | null
}

/** Runs the first tier to its end. A failure of its own is the request's. */
export async function tryFirst ({ request, plan, bill, dispatcher, minMeanLogprob, run }: FirstAttempt): Promise<FirstAnswer> {
  const confidence = new Confidence()
  const isAsked = request.sampling.logprobs !== null
  const sampling = isAsked ? plan.job.sampling : { ...plan.job.sampling, logprobs: 0 }
  const parts: AnswerPart[] = []
  let finished: FinishedPart | null = null
  try {
    for await (const part of run({ ...plan, job: { ...plan.job, sampling } }, confidence.listenTo(dispatcher))) {
      parts.push(part.type === 'progress' && !isAsked ? { ...part, logprobs: null } : part)
      if (part.type === 'finished') finished = part
    }
    if (finished === null) throw new GatewayError('worker_stream_broken', 'The worker ended the answer without finishing it')
  } catch (error) {
    await bill.end(error)
    throw error
  }
  const { meanLogprob } = confidence
  const failure = checkAnswer({
    pieces: parts.flatMap(part => part.type === 'progress' ? part.pieces : []),
    answerForm: request.answerForm,
    offeredTools: plan.offeredTools,
    meanLogprob,
    minMeanLogprob
  })
  return { parts, finished, failure, meanLogprob }
}

/** As if it were made now. */
export async function * replay (parts: readonly AnswerPart[], observer: Pick<AnswerObserver, 'answered'>): AsyncGenerator<AnswerPart, void, undefined> {
  for (const part of parts) {
    observer.answered(part)
    yield part
  }
}
