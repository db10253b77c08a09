import type { Clock } from '../../src/dispatch/clock.js'

/** Time that passes only when a test says so. */
export class ManualClock implements Clock {
  #now = 0
  readonly #timers = new Set<{ at: number, callback: () => void }>()

  now (): number {
    return this.#now
  }

  after (delayMs: number, callback: () => void): () => void {
    const timer = { at: this.#now + delayMs, callback }
    this.#timers.add(timer)
    return () => { this.#timers.delete(timer) }
  }

  /** Milliseconds until each pending call. */
  get pending (): number[] {
    return [...this.#timers].map(({ at }) => at - this.#now).sort((a, b) => a - b)
  }

  advance (ms: number): void {
    const end = this.#now + ms
    while (true) {
      const due = [...this.#timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0]
      if (due === undefined) break
      this.#timers.delete(due)
      this.#now = Math.max(this.#now, due.at)
      due.callback()
    }
    this.#now = end
  }
}
