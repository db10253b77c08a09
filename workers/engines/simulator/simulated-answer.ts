import type { Job } from '../../contract/job.js'
import type { SimulatedAnswer } from './simulator-script.js'

/** Ids of one tokens event. */
export type AnswerPiece = number | readonly number[]

/**
 * What the simulated model says to a job. It is always asked for the whole answer to the original prompt: a
 * resumed job gets the same job here as the first attempt did, and the engine skips what was emitted before.
 */
export type AnswerSource = (job: Job) => Iterable<AnswerPiece> | AsyncIterable<AnswerPiece>

export function answerFromScript (answer: SimulatedAnswer): AnswerSource {
  if (answer.kind === 'pieces') return () => answer.pieces
  return job => noise(job, answer)
}

/** A linear congruential walk that starts from a hash (FNV-1a) of the prompt and the seed. */
function * noise (job: Job, shape: Extract<SimulatedAnswer, { kind: 'noise' }>): Generator<number> {
  let state = 0x811c9dc5
  for (const id of [job.sampling.seed ?? 0, ...job.tokenIds]) state = Math.imul(state ^ id, 0x01000193) >>> 0
  const count = shape.tokens ?? Infinity
  const span = shape.lastId - shape.firstId + 1
  for (let index = 0; index < count; index++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    yield shape.firstId + (state >>> 8) % span
  }
}
