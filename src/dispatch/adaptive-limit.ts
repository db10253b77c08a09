/**
 * How many of our jobs one worker gets at a time. Additive increase, multiplicative decrease: what it cannot run at once
 * would only stand in its own line, first come, first served, where no fairness and no better worker can help it any more.
 */
export interface AdaptiveLimitOptions {
  initialJobs?: number
  minJobs?: number
  maxJobs: number
}

/** In the worker's own line, to keep it busy between two reports: so many jobs at least, and of prompts so much. */
const slackJobs = 2
const slackSeconds = 2
const decrease = 0.85
/** A stream this much slower per token than the worker usually is says that it has too much to do. */
const slowness = 3

export class AdaptiveLimit {
  readonly #min: number
  readonly #max: number
  #jobs: number
  #usualSeconds: number | null = null
  #endsSinceLowered = Infinity

  constructor ({ minJobs = 4, maxJobs, initialJobs = maxJobs }: AdaptiveLimitOptions) {
    this.#max = maxJobs
    this.#min = Math.min(minJobs, maxJobs)
    this.#jobs = Math.min(maxJobs, Math.max(this.#min, initialJobs))
  }

  get jobs (): number {
    return Math.floor(this.#jobs)
  }

  /** The worker reported its own line: jobs, and seconds of prompts to compute; null = it does not say. @param inFlight ours on it */
  reported ({ jobs, seconds }: { jobs: number | null, seconds: number | null }, inFlight: number): void {
    if (jobs === null) return
    if (jobs > slackJobs && (seconds === null || seconds > slackSeconds)) this.#lower(inFlight)
    // An empty line has room for as many as may stand in it.
    else if (inFlight >= this.jobs) this.#jobs = Math.min(this.#max, this.#jobs + slackJobs)
  }

  /** The worker turned a job away because its line was full. */
  refused (inFlight: number): void {
    this.#lower(inFlight)
  }

  /** A stream has ended. @param secondsPerToken between its tokens */
  streamed (secondsPerToken: number, inFlight: number): void {
    const usual = this.#usualSeconds ?? secondsPerToken
    this.#usualSeconds = usual + 0.02 * (secondsPerToken - usual)
    this.#endsSinceLowered += 1
    // All streams of a slow batch are slow: together they say it once.
    if (secondsPerToken <= slowness * usual) {
      if (inFlight >= this.jobs) this.#raise()
    } else if (this.#endsSinceLowered >= inFlight) this.#lower(inFlight)
  }

  #lower (inFlight: number): void {
    this.#endsSinceLowered = 0
    this.#jobs = Math.max(this.#min, Math.min(this.#jobs, inFlight) * decrease)
  }

  /** By one job for each round of as many ends. */
  #raise (): void {
    this.#jobs = Math.min(this.#max, this.#jobs + 1 / Math.max(1, this.#jobs))
  }
}
