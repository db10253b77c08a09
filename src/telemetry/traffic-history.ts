/**
 * What passed lately, in windows of some seconds, for the charts of the console: so that a browser needs no history of its
 * own and no Prometheus has to run. In memory and bounded; Prometheus is for longer times.
 */
import type { Tier } from '../../workers/contract/job.js'
import type { Outcome, Percentiles } from './decision-log.js'
import { DurationHistogram } from './duration-histogram.js'

const windowMs = 5000
const keptMinutes = 60
const keptWindows = keptMinutes * 60_000 / windowMs
/** A chart is some hundred pixels wide. */
const mostPoints = 180
const tiers: readonly Tier[] = ['flash', 'pro']

export type EndedOutcome = Exclude<Outcome, 'running'>

export interface TierTraffic {
  /** Generated in this window, also by answers that go on. */
  generatedTokens: number
  firstTokenMs: Percentiles
  /** Between tokens. */
  tokenGapMs: Percentiles
  /** Of answers that were completed, from arrival to end. */
  durationMs: Percentiles
}

export interface TrafficPoint {
  /** Where the window begins, milliseconds since 1970. */
  atMs: number
  /** Requests that ended in it. */
  outcomes: Record<EndedOutcome, number>
  tiers: Record<Tier, TierTraffic>
}

export interface TrafficReport {
  windowSeconds: number
  /** The oldest first; windows without traffic are there too, the one under way is not. */
  points: TrafficPoint[]
}

class TierWindow {
  generatedTokens = 0
  readonly firstToken = new DurationHistogram()
  readonly tokenGap = new DurationHistogram()
  readonly duration = new DurationHistogram()

  merge (other: TierWindow): void {
    this.generatedTokens += other.generatedTokens
    this.firstToken.merge(other.firstToken)
    this.tokenGap.merge(other.tokenGap)
    this.duration.merge(other.duration)
  }
}

class TrafficWindow {
  readonly outcomes: Record<EndedOutcome, number> = { completed: 0, refused: 0, abandoned: 0, failed: 0 }
  readonly tiers: Record<Tier, TierWindow> = { flash: new TierWindow(), pro: new TierWindow() }

  merge (other: TrafficWindow): void {
    for (const outcome of ['completed', 'refused', 'abandoned', 'failed'] as const) this.outcomes[outcome] += other.outcomes[outcome]
    for (const tier of tiers) this.tiers[tier].merge(other.tiers[tier])
  }
}

export class TrafficHistory {
  readonly #nowMs: () => number
  /** By number of the window since 1970; one without traffic has no entry. */
  readonly #windows = new Map<number, TrafficWindow>()

  /** @param nowMs milliseconds since 1970 */
  constructor (nowMs: () => number = Date.now) {
    this.#nowMs = nowMs
  }

  firstToken (tier: Tier, milliseconds: number): void {
    this.#current().tiers[tier].firstToken.add(milliseconds)
  }

  /** @param gapMs since the job's tokens before, for each of these; null for its first */
  tokens (tier: Tier, count: number, gapMs: number | null): void {
    const window = this.#current().tiers[tier]
    window.generatedTokens += count
    if (gapMs !== null) window.tokenGap.add(gapMs)
  }

  /** @param tier null when none was chosen any more */
  ended (outcome: EndedOutcome, tier: Tier | null, milliseconds: number): void {
    const window = this.#current()
    window.outcomes[outcome]++
    if (outcome === 'completed' && tier !== null) window.tiers[tier].duration.add(milliseconds)
  }

  /** The last minutes (1 to 60); beyond some length several windows are one. */
  report (minutes: number): TrafficReport {
    const wanted = Math.round(Math.min(minutes, keptMinutes) * 60_000 / windowMs)
    const perPoint = Math.ceil(wanted / mostPoints)
    const stepMs = perPoint * windowMs
    // Aligned to the clock, so that a chart that is drawn again shows the same points.
    const end = Math.floor(this.#nowMs() / stepMs)
    const begin = end - Math.floor(wanted / perPoint)
    return {
      windowSeconds: stepMs / 1000,
      points: Array.from({ length: end - begin }, (_, index) => this.#point(begin + index, perPoint))
    }
  }

  #point (step: number, perPoint: number): TrafficPoint {
    const first = step * perPoint
    const sum = new TrafficWindow()
    for (let number = first; number < first + perPoint; number++) {
      const window = this.#windows.get(number)
      if (window !== undefined) sum.merge(window)
    }
    return { atMs: first * windowMs, outcomes: sum.outcomes, tiers: { flash: shown(sum.tiers.flash), pro: shown(sum.tiers.pro) } }
  }

  #current (): TrafficWindow {
    const number = Math.floor(this.#nowMs() / windowMs)
    const known = this.#windows.get(number)
    if (known !== undefined) return known
    const window = new TrafficWindow()
    this.#windows.set(number, window)
    // In order of insertion, so the first are the oldest.
    for (const old of this.#windows.keys()) {
      if (old > number - keptWindows) break
      this.#windows.delete(old)
    }
    return window
  }
}

function shown ({ generatedTokens, firstToken, tokenGap, duration }: TierWindow): TierTraffic {
  const of = (histogram: DurationHistogram): Percentiles => ({ p50: histogram.percentile(0.5), p95: histogram.percentile(0.95) })
  return { generatedTokens, firstTokenMs: of(firstToken), tokenGapMs: of(tokenGap), durationMs: of(duration) }
}
