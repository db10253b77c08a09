/**
 * How much work may be asked for twice: a share of what is asked for once, so that a pool in trouble is not given three times its
 * load. Replacing what a dead worker lost costs nothing here: attempts and the rule against poison bound it.
 */
export interface RetryBudgetLimits {
  /** Retries per request, over time. */
  share: number
  /** Retries that a quiet gateway may make at once. */
  reserve: number
}

export const defaultRetryBudget: RetryBudgetLimits = { share: 0.1, reserve: 20 }

export class RetryBudget {
  readonly #limits: RetryBudgetLimits
  #left: number

  constructor (limits: RetryBudgetLimits = defaultRetryBudget) {
    this.#limits = limits
    this.#left = limits.reserve
  }

  /** A request has come. */
  earn (): void {
    this.#left = Math.min(this.#limits.reserve, this.#left + this.#limits.share)
  }

  /** @returns false when nothing is left; nothing is taken then */
  spend (): boolean {
    // Tenths do not add up exactly.
    if (this.#left < 1 - 1e-9) return false
    this.#left -= 1
    return true
  }
}
