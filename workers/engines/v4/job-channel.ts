/** The events of one job on their way from the engine's threads to whoever reads them. */
import { type JobEvent } from '../../contract/event.js'

export class JobChannel {
  readonly #events: JobEvent[] = []
  #wake: () => void = () => {}
  #isEnded = false

  /** The last event was put in. */
  get isEnded (): boolean { return this.#isEnded }

  /** Anything after `done` or `fail` is dropped: an abort may cross the end. */
  push (event: JobEvent): void {
    if (this.#isEnded) return
    this.#isEnded = event.type === 'done' || event.type === 'fail'
    this.#events.push(event)
    this.#wake()
  }

  /** Ends after `done` or `fail`. */
  async * read (): AsyncGenerator<JobEvent, void, undefined> {
    for (;;) {
      const event = this.#events.shift()
      if (event !== undefined) {
        yield event
      } else if (this.#isEnded) {
        return
      } else {
        await new Promise<void>(resolve => { this.#wake = resolve })
      }
    }
  }
}
