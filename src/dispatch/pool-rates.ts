/**
 * How fast the workers of a pool are, for comparing them. Each learns for itself from a few noisy streams, and noise that is taken
 * for a difference sends everything to whoever had luck: workers that are nearly alike count as the same. One of which nothing is
 * known is taken for a usual one, or it would never be tried beside those that turned out fast.
 */
import type { WorkerLoad } from './estimate-work.js'

type Rates = WorkerLoad['rates']

/** What is learned of equal workers differs by up to this; the next larger or smaller machine differs by more. */
const alikeRatio = 1.4

/** The rates of the workers, in their order, as they are to be compared. */
export function poolRates (workers: ReadonlyArray<Pick<WorkerLoad, 'rates'>>): Rates[] {
  const usualPrefill = median(workers.filter(({ rates }) => rates.isPrefillLearned).map(({ rates }) => rates.prefillTokensPerSecond))
  const learnedSteps = workers.filter(({ rates }) => rates.isStepLearned)
  const usualSteps = new Map<number, number | null>()
  const usualStep = (jobs: number): number | null => {
    const known = usualSteps.get(jobs)
    if (known !== undefined) return known
    const usual = median(learnedSteps.map(({ rates }) => rates.stepSeconds(jobs)))
    usualSteps.set(jobs, usual)
    return usual
  }
  return workers.map(({ rates: own }) => ({
    isPrefillLearned: own.isPrefillLearned,
    isStepLearned: own.isStepLearned,
    prefillTokensPerSecond: alike(own.isPrefillLearned ? own.prefillTokensPerSecond : null, usualPrefill) ?? own.prefillTokensPerSecond,
    stepSeconds: jobs => alike(own.isStepLearned ? own.stepSeconds(jobs) : null, usualStep(jobs)) ?? own.stepSeconds(jobs)
  }))
}

function alike (own: number | null, usual: number | null): number | null {
  if (own === null || usual === null) return usual
  return own < usual * alikeRatio && usual < own * alikeRatio ? usual : own
}

function median (values: number[]): number | null {
  return values.sort((one, other) => one - other)[values.length >> 1] ?? null
}
