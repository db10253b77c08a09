import type { Job } from '../../workers/contract/job.js'

type JobOverrides = Partial<Omit<Job, 'sampling'>> & { sampling?: Partial<Job['sampling']> }

/** A small job for the simulated checkpoint, with what matters to a test laid over it. */
export function makeJob ({ sampling, ...rest }: JobOverrides = {}): Job {
  return {
    requestId: 'request-1',
    attempt: 1,
    tier: 'flash',
    checkpoint: 'simulated',
    tokenIds: [11, 12, 13],
    sampling: { temperature: 0, topP: 1, maxTokens: 8, stopTokenIds: [1], ...sampling },
    ...rest
  }
}
