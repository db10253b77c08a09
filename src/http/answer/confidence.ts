import type { DispatchEvent, Dispatcher } from '../../dispatch/dispatch-event.js'

/** Passes a dispatcher's events on and averages the log-probabilities among them. For one job. */
export class Confidence {
  #sum = 0
  #count = 0

  /** Of every token so far, reasoning and calls included; null when the engine reports none. */
  get meanLogprob (): number | null {
    return this.#count === 0 ? null : this.#sum / this.#count
  }

  listenTo (dispatcher: Dispatcher): Dispatcher {
    return { generate: (request, signal, observer) => this.#listen(dispatcher.generate(request, signal, observer)) }
  }

  async * #listen (events: AsyncGenerator<DispatchEvent, void, undefined>): AsyncGenerator<DispatchEvent, void, undefined> {
    for await (const event of events) {
      if (event.type === 'tokens') {
        for (const { logprob } of event.logprobs ?? []) {
          this.#sum += logprob
          this.#count++
        }
      }
      yield event
    }
  }
}
