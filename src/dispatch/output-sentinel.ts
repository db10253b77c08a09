/**
 * Signs that an answer is corrupt although the engine is content with it: the failures that no health check sees. Each sign
 * occurs in sound answers too, so that it is a score of the worker, never a verdict on the answer.
 */

/** One id so often in a row. */
const longestRun = 32
/** The same n-gram so often in one answer. */
const gramLength = 8
const mostOfOneGram = 6
/** V4's begin of sentence, which no answer has in it. */
const beginOfSentenceId = 0

export class OutputSentinel {
  readonly #grams = new Map<string, number>()
  #window: number[] = []
  #run = 0
  #last = -1
  #count = 0
  #isSuspect = false

  /** Tokens seen. */
  get count (): number {
    return this.#count
  }

  get isSuspect (): boolean {
    return this.#isSuspect
  }

  push (ids: readonly number[]): void {
    for (const id of ids) {
      this.#count += 1
      // Once is enough; memory of what follows would be for nothing.
      if (!this.#isSuspect) this.#see(id)
    }
  }

  /** The answer ended by itself. Nothing at all is no answer. */
  stopped (): void {
    if (this.#count === 0) this.#isSuspect = true
  }

  #see (id: number): void {
    this.#run = id === this.#last ? this.#run + 1 : 1
    this.#last = id
    this.#window = [...this.#window.slice(1 - gramLength), id]
    this.#isSuspect = id === beginOfSentenceId || this.#run > longestRun || this.#countGram() >= mostOfOneGram
    if (this.#isSuspect) this.#grams.clear()
  }

  /** A run of one id is for the other rule. */
  #countGram (): number {
    if (this.#window.length < gramLength || this.#run >= gramLength) return 0
    const gram = this.#window.join()
    const times = (this.#grams.get(gram) ?? 0) + 1
    this.#grams.set(gram, times)
    return times
  }
}
