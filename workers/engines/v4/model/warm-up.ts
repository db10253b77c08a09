/** Runs a forward pass before it is needed, so that the first prompt does not pay for the compilation of what it runs through. */
import { Sequence } from '../sequence/sequence.js'
import { type ForwardPass } from './forward-pass.js'

/** Rounds after which V8's optimising compilers have seen enough of a small network; a large one heats up within the first. */
const ROUNDS = 4
/** No further step is begun after this: what takes longer has not much to gain. */
const LONGEST_MS = 1000

/**
 * Uses the first slot and block, and leaves nothing that a sequence would look at.
 * @param positions how many there are for it, of one block at most
 */
export function warmUp (pass: ForwardPass, positions: number): void {
  const rows = Math.min(pass.maxRows, Math.floor(positions / 2))
  if (rows === 0) return
  const sequence = new Sequence(0, Int32Array.of(0))
  const tokenIds = Int32Array.from({ length: rows }, (_, i) => i % pass.config.vocabularySize)
  const end = performance.now() + LONGEST_MS
  for (let round = 0; round < ROUNDS; round++) {
    sequence.position = 0
    // Single rows first: where one takes long, many would take very long.
    for (const count of [1, 1, 1, 1, rows - 4, rows]) {
      if (performance.now() > end) return
      if (count > 0) pass.forward([{ sequence, tokenIds: tokenIds.subarray(0, count), wants: 'last' }])
    }
  }
}
