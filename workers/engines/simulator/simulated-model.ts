import type { FailEvent, TokenLogprob } from '../../contract/event.js'
import type { Job } from '../../contract/job.js'
import type { SimulatorScript } from './simulator-script.js'

/** The refusals every engine makes; null when the job can run. */
export function refuseJob (job: Job, { contextTokens, constraints }: SimulatorScript): FailEvent | null {
  if (job.tokenIds.length >= contextTokens) {
    const message = `${job.tokenIds.length} prompt tokens leave no room in a context of ${contextTokens}`
    return { type: 'fail', code: 'context-overflow', message, blame: 'request', retryable: false }
  }
  if (job.constraint !== undefined && !constraints.includes(job.constraint.kind)) {
    const message = `constraint ${job.constraint.kind} is not supported`
    return { type: 'fail', code: 'unsupported-constraint', message, blame: 'request', retryable: false }
  }
  return null
}

/** Invented log-probabilities in the right shape: the chosen token at -0.25, alternatives falling by 1 each. */
export function simulatedLogprob (ids: readonly number[], { sampling }: Job, vocabularySize: number): { logprobs?: TokenLogprob[] } {
  const { logprobs: alternatives } = sampling
  if (alternatives === undefined) return {}
  return {
    logprobs: ids.map(id => ({
      logprob: -0.25,
      top: Array.from({ length: alternatives }, (_, rank) => ({ id: (id + rank) % vocabularySize, logprob: -0.25 - rank }))
    }))
  }
}
