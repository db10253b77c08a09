/** How fast one worker is, learned from the jobs it did for us: exponentially weighted, so that what changes is followed. */

/** Before anything is learned; only ratios matter to a comparison of workers that nobody knows. */
const assumedPrefillTokensPerSecond = 1000
const assumedStepSeconds = 0.05
/** Weight of one observation. */
const learningShare = 0.1
/** Shorter prefills say more about overheads than about the rate. */
const minPrefillTokens = 256

export class LearnedRates {
  #prefill: number | null = null
  readonly #step = new LearnedLine()

  /** Prompt tokens computed per second while prompts are waiting. */
  get prefillTokensPerSecond (): number {
    return this.#prefill ?? assumedPrefillTokensPerSecond
  }

  get isPrefillLearned (): boolean {
    return this.#prefill !== null
  }

  get isStepLearned (): boolean {
    return this.#step.at(1) !== null
  }

  /** Seconds of one decoding step when so many jobs share the batch. */
  stepSeconds (jobs: number): number {
    return this.#step.at(jobs) ?? assumedStepSeconds
  }

  /** A first token came. @param tokens computed for it: the job's own uncached ones and those that were ahead of them */
  learnPrefill ({ tokens, seconds }: { tokens: number, seconds: number }): void {
    if (tokens < minPrefillTokens || seconds <= 0) return
    const rate = tokens / seconds
    // In the logarithm: a stall that makes one sample ten times too slow weighs no more than one ten times too fast.
    this.#prefill = this.#prefill === null ? rate : Math.exp((1 - learningShare) * Math.log(this.#prefill) + learningShare * Math.log(rate))
  }

  /** A stream has ended. @param seconds between its tokens, without what went into others' prompts @param jobs in the batch, on average */
  learnStep ({ jobs, seconds }: { jobs: number, seconds: number }): void {
    if (seconds > 0) this.#step.learn(jobs, seconds)
  }
}

/** y = base + slope × x by exponentially weighted least squares; neither is negative. */
class LearnedLine {
  #meanX = 0
  #meanY = 0
  #varianceX = 0
  #covariance = 0
  #isEmpty = true

  learn (x: number, y: number): void {
    if (this.#isEmpty) {
      [this.#meanX, this.#meanY, this.#isEmpty] = [x, y, false]
      return
    }
    const [dx, dy] = [x - this.#meanX, y - this.#meanY]
    this.#meanX += learningShare * dx
    this.#meanY += learningShare * dy
    this.#varianceX = (1 - learningShare) * (this.#varianceX + learningShare * dx * dx)
    this.#covariance = (1 - learningShare) * (this.#covariance + learningShare * dx * dy)
  }

  at (x: number): number | null {
    if (this.#isEmpty) return null
    const slope = this.#varianceX < 1e-9 ? 0 : Math.max(0, this.#covariance / this.#varianceX)
    return Math.max(this.#meanY / 4, this.#meanY + slope * (x - this.#meanX))
  }
}
