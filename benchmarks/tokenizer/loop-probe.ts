/** The longest time the event loop went without a turn. */
export class LoopProbe {
  #isRunning = true
  #last = performance.now()
  #longestMs = 0

  constructor () {
    const tick = (): void => {
      this.#measure()
      if (this.#isRunning) setImmediate(tick)
    }
    setImmediate(tick)
  }

  /** Ends the probe and gives the longest turn in milliseconds. */
  stop (): number {
    this.#measure()
    this.#isRunning = false
    return this.#longestMs
  }

  #measure (): void {
    const now = performance.now()
    this.#longestMs = Math.max(this.#longestMs, now - this.#last)
    this.#last = now
  }
}
