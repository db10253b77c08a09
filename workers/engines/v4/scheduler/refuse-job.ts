/** The refusals that need no computing: what this engine can never do for a job. */
import { type FailEvent } from '../../../contract/event.js'
import { type Job } from '../../../contract/job.js'

export interface JobBounds {
  readonly checkpoint: string
  readonly vocabularySize: number
  readonly contextTokens: number
}

/** @returns null when the job can run */
export function refuseJob (job: Job, { checkpoint, vocabularySize, contextTokens }: JobBounds): FailEvent | null {
  if (job.checkpoint !== checkpoint) return refusal('checkpoint-mismatch', `this engine serves ${checkpoint}, not ${job.checkpoint}`)
  const strange = job.tokenIds.find(id => id >= vocabularySize)
  if (strange !== undefined) return refusal('token-out-of-range', `token id ${strange} is outside the vocabulary of ${vocabularySize}`)
  if ((job.resumedFrom ?? 0) >= job.tokenIds.length) return refusal('invalid-job', 'resumedFrom leaves nothing of the original prompt')
  if (job.tokenIds.length >= contextTokens) {
    return refusal('context-overflow', `${job.tokenIds.length} prompt tokens leave no room in a context of ${contextTokens}`)
  }
  return null
}

/** A fault of the job, wherever it is sent. */
export function refusal (code: string, message: string): FailEvent {
  return { type: 'fail', code, message, blame: 'request', retryable: false }
}
