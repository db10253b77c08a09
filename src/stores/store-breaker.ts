/**
 * Stops asking a store that does not answer: a slow Redis must not make every request wait for its timeout.
 *
 * closed → open after `failures` in a row; while open every command fails at once; after `openMs` one command is let
 * through as a probe, and its result closes or re-opens.
 */
import { performance } from 'node:perf_hooks'
import { StoreUnavailableError } from './account-store.js'

export interface StoreBreakerOptions {
  failures?: number
  openMs?: number
  clock?: () => number
}

export class StoreBreaker {
  readonly #most: number
  readonly #openMs: number
  readonly #clock: () => number
  #failed = 0
  #openUntil = 0
  #isProbing = false

  constructor ({ failures = 5, openMs = 5000, clock = () => performance.now() }: StoreBreakerOptions = {}) {
    this.#most = failures
    this.#openMs = openMs
    this.#clock = clock
  }

  get isOpen (): boolean {
    return this.#failed >= this.#most
  }

  async run<Reply> (command: () => Promise<Reply>): Promise<Reply> {
    const isProbe = this.isOpen
    if (isProbe) {
      if (this.#isProbing || this.#clock() < this.#openUntil) throw new StoreUnavailableError('the store did not answer lately; not asked')
      this.#isProbing = true
    }
    try {
      const reply = await command()
      this.#failed = 0
      return reply
    } catch (error) {
      // Any other error is an answer, so the store is there.
      this.#failed = error instanceof StoreUnavailableError ? this.#failed + 1 : 0
      if (this.isOpen) this.#openUntil = this.#clock() + this.#openMs
      throw error
    } finally {
      if (isProbe) this.#isProbing = false
    }
  }
}
