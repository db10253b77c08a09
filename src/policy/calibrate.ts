/** One answer of the first tier, and whether somebody found it good. */
export interface JudgedAnswer {
  /** Natural logarithm. */
  meanLogprob: number
  wasGood: boolean
}

export interface Calibration {
  /** Answers below it are repeated on the better tier; null when no threshold reaches the target. */
  minMeanLogprob: number | null
  /** Share of all answers that would be kept. */
  keptShare: number
  /** Share of the kept ones that are good. */
  goodShare: number
}

/** Below this many answers a share is mostly chance. */
export const fewestAnswers = 50

/**
 * The lowest threshold above which at least `target` of the answers are good: as few repetitions as the target allows. Pure.
 */
export function calibrate (answers: readonly JudgedAnswer[], target: number): Calibration {
  const sorted = answers.toSorted((a, b) => b.meanLogprob - a.meanLogprob)
  let best: Calibration = { minMeanLogprob: null, keptShare: 0, goodShare: 0 }
  let good = 0
  sorted.forEach(({ meanLogprob, wasGood }, index) => {
    if (wasGood) good++
    // Equals are kept or repeated together.
    if (sorted[index + 1]?.meanLogprob === meanLogprob) return
    const kept = index + 1
    if (good / kept >= target) best = { minMeanLogprob: meanLogprob, keptShare: kept / sorted.length, goodShare: good / kept }
  })
  return best
}

/** The highest threshold below which at most `share` of these log-probabilities lie; null when there are none. Pure. */
export function thresholdForShare (meanLogprobs: readonly number[], share: number): number | null {
  const sorted = meanLogprobs.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? null
}
