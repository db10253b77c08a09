/** Watches one tier's answer while it is made: how sure the model was, and whether the answer has the form that was asked for. */
import type { AnswerPart, AnswerPiece } from '../../dialects/answer.js'
import type { AnswerForm } from '../../dialects/answer-form.js'
import type { Dispatcher } from '../../dispatch/dispatch-event.js'
import type { AnswerSample, AnswerSignals } from '../../policy/answer-sample.js'
import type { Tier } from '../../../workers/contract/job.js'
import { formFailure } from './check-answer.js'
import { Confidence } from './confidence.js'
import type { AnswerPlan } from './plan-answer.js'

export class AnswerWatch {
  /** To be run in place of the one given: asks the engine for log-probabilities, which the client does not see. */
  readonly plan: AnswerPlan
  readonly #answerForm: AnswerForm
  readonly #confidence = new Confidence()
  readonly #pieces: AnswerPiece[] = []

  constructor (plan: AnswerPlan, answerForm: AnswerForm) {
    this.plan = { ...plan, job: { ...plan.job, wishes: { logprobs: 0 } } }
    this.#answerForm = answerForm
  }

  listenTo (dispatcher: Dispatcher): Dispatcher {
    return this.#confidence.listenTo(dispatcher)
  }

  async * read (parts: AsyncIterable<AnswerPart>): AsyncGenerator<AnswerPart, void, undefined> {
    for await (const part of parts) {
      if (part.type === 'progress') this.#pieces.push(...part.pieces)
      yield part
    }
  }

  /** Of the answer so far. */
  get signals (): AnswerSignals {
    const failure = formFailure({ pieces: this.#pieces, answerForm: this.#answerForm, offeredTools: this.plan.offeredTools })
    return { meanLogprob: this.#confidence.meanLogprob, failure }
  }
}

export type AnswerWatches = Partial<Record<Tier, AnswerWatch>>

export interface SampledAnswer extends Pick<AnswerSample, 'requestId' | 'tier' | 'reason'> {
  watches: AnswerWatches
  samples: { add (sample: AnswerSample): void }
}

/** Passes an answer on, and writes down what it and those before it looked like once it has ended. */
export async function * sampled (parts: AsyncIterable<AnswerPart>, { watches: { flash, pro }, samples, ...answered }: SampledAnswer): AsyncGenerator<AnswerPart, void, undefined> {
  for await (const part of parts) {
    if (part.type === 'finished') samples.add({ ...answered, atMs: Date.now(), costNanoUsd: part.costNanoUsd ?? 0, flash: flash?.signals ?? null, pro: pro?.signals ?? null })
    yield part
  }
}
