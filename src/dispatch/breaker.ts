/**
 * Takes a worker out of the choice after failures that were its own, and lets it back one job at a time. Pure.
 *
 *   closed ──3 in a row, or 5 within a minute──▶ open ──30 s, doubling to 10 min──▶ half-open ──2 successes──▶ closed
 *                                                 ▲                                   │
 *                                                 └────────────── a failure ──────────┘
 */
export type BreakerState = 'closed' | 'open' | 'half-open'

const inARow = 3
const withinWindow = 5
const windowMs = 60_000
const firstOpenMs = 30_000
const longestOpenMs = 600_000
const passesToClose = 2

export class Breaker {
  #state: BreakerState = 'closed'
  #row = 0
  #failedAt: number[] = []
  #openMs = firstOpenMs
  #passes = 0

  get state (): BreakerState {
    return this.#state
  }

  /** @param now milliseconds of any steady clock @returns whether it should open now */
  fail (now: number): boolean {
    this.#row += 1
    this.#failedAt = [...this.#failedAt.filter(at => now - at < windowMs), now]
    if (this.#state === 'half-open') return true
    return this.#state === 'closed' && (this.#row >= inARow || this.#failedAt.length >= withinWindow)
  }

  succeed (): void {
    this.#row = 0
    if (this.#state !== 'half-open' || ++this.#passes < passesToClose) return
    this.#state = 'closed'
    this.#openMs = firstOpenMs
    this.#failedAt = []
  }

  /** @returns for how long, in milliseconds; halfOpen is due then */
  open (): number {
    const openMs = this.#openMs
    this.#state = 'open'
    this.#openMs = Math.min(longestOpenMs, 2 * openMs)
    return openMs
  }

  halfOpen (): void {
    if (this.#state !== 'open') return
    this.#state = 'half-open'
    this.#passes = 0
  }
}
