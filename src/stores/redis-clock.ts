/**
 * The Redis server's clock, read without asking for it each time.
 *
 * Every script replies with the server's time; between replies the process's monotonic clock carries it on. So
 * gateways agree within a round trip even if their wall clocks are hours apart.
 */
import { performance } from 'node:perf_hooks'

const freshMs = 10_000

export class RedisClock {
  #serverMs: number | null = null
  #seenAt = 0

  saw (serverMs: number): void {
    this.#serverMs = serverMs
    this.#seenAt = performance.now()
  }

  /** @throws what `ask` throws, if the server was never heard; later its last word carried on is better than none. */
  async nowMs (ask: () => Promise<number>): Promise<number> {
    if (this.#serverMs === null) {
      this.saw(await ask())
    } else if (performance.now() - this.#seenAt > freshMs) {
      await ask().then(ms => { this.saw(ms) }, () => {})
    }
    return Math.floor((this.#serverMs ?? 0) + performance.now() - this.#seenAt)
  }
}
