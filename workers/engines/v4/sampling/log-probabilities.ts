/** Log-probabilities of raw logits: before bias, penalties, temperature and truncation. */
import type { TokenLogprob } from '../../../contract/event.js'

/** log(sum(exp(logits))), summed in float64 whatever the logits are. */
export function logSumExp (logits: ArrayLike<number>): number {
  let largest = -Infinity
  for (let id = 0; id < logits.length; id++) largest = Math.max(largest, logits[id] ?? -Infinity)
  let sum = 0
  for (let id = 0; id < logits.length; id++) sum += Math.exp((logits[id] ?? -Infinity) - largest)
  return largest + Math.log(sum)
}

/** The `count` largest logits, best first, the lowest id first among equals. */
export function largestLogits (logits: ArrayLike<number>, count: number): number[] {
  const best: number[] = []
  if (count === 0) return best
  let floor = -Infinity
  for (let id = 0; id < logits.length; id++) {
    const logit = logits[id] ?? -Infinity
    if (best.length === count && !(logit > floor)) continue
    let place = best.length
    while (place > 0 && logit > (logits[best[place - 1] ?? 0] ?? 0)) place--
    best.splice(place, 0, id)
    if (best.length > count) best.pop()
    floor = logits[best[best.length - 1] ?? 0] ?? -Infinity
  }
  return best
}

/** @param alternatives how many of the most likely tokens to list (0 to 20) */
export function tokenLogprob (logits: ArrayLike<number>, id: number, alternatives: number): TokenLogprob {
  const normaliser = logSumExp(logits)
  return {
    logprob: (logits[id] ?? -Infinity) - normaliser,
    top: largestLogits(logits, alternatives).map(other => ({ id: other, logprob: (logits[other] ?? -Infinity) - normaliser }))
  }
}
