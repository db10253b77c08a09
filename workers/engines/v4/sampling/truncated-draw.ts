/** One draw from softmax(logits / temperature), cut to the likely tokens. */

export interface Truncation {
  /** Above 0. */
  temperature: number
  topK: number
  topP: number
  minP: number
}

/** How far below the best scaled logit the first look for likely tokens goes; doubled until the mass is enough. */
const FIRST_DEPTH = 12

/**
 * @param uniform a number in [0, 1)
 * @returns the token id whose share of the kept mass contains `uniform`
 */
export function draw (logits: ArrayLike<number>, truncation: Truncation, uniform: number): number {
  let best = -Infinity
  for (let id = 0; id < logits.length; id++) best = Math.max(best, logits[id] ?? -Infinity)
  if (truncation.topP === 1 && truncation.minP === 0 && truncation.topK >= logits.length) {
    return drawFromAll(logits, best, truncation.temperature, uniform)
  }
  const kept = keepLikely(logits, best, truncation)
  let target = uniform * kept.reduce((sum, candidate) => sum + candidate.weight, 0)
  for (const candidate of kept) {
    target -= candidate.weight
    if (target < 0) return candidate.id
  }
  return kept[kept.length - 1]?.id ?? 0
}

function drawFromAll (logits: ArrayLike<number>, best: number, temperature: number, uniform: number): number {
  let total = 0
  for (let id = 0; id < logits.length; id++) total += Math.exp(((logits[id] ?? -Infinity) - best) / temperature)
  let target = uniform * total
  let last = 0
  for (let id = 0; id < logits.length; id++) {
    const weight = Math.exp(((logits[id] ?? -Infinity) - best) / temperature)
    if (weight === 0) continue
    last = id
    target -= weight
    if (target < 0) return id
  }
  // Rounding can leave a crumb of the target after the last token.
  return last
}

interface Candidate {
  id: number
  /** exp((logit - best) / temperature); 1 for the best token. */
  weight: number
}

/**
 * Tokens that survive top-k, then top-p of what top-k left, then min-p relative to the best: likeliest first.
 * Sorting a whole vocabulary costs more than a decode step, so only a band below the best token is sorted.
 */
function keepLikely (logits: ArrayLike<number>, best: number, truncation: Truncation): Candidate[] {
  let total = 0
  for (let id = 0; id < logits.length; id++) total += Math.exp(((logits[id] ?? -Infinity) - best) / truncation.temperature)
  for (let depth = FIRST_DEPTH; ; depth *= 2) {
    const floor = best - depth * truncation.temperature
    const band = bandAbove(logits, floor, best, truncation.temperature)
    const mass = band.reduce((sum, candidate) => sum + candidate.weight, 0)
    const isWhole = band.length === logits.length || mass >= total
    if (!isWhole && band.length < truncation.topK && mass < truncation.topP * total) continue
    band.sort((left, right) => right.weight - left.weight || left.id - right.id)
    return cut(band, total, truncation)
  }
}

function bandAbove (logits: ArrayLike<number>, floor: number, best: number, temperature: number): Candidate[] {
  const band: Candidate[] = []
  for (let id = 0; id < logits.length; id++) {
    const logit = logits[id] ?? -Infinity
    if (logit < floor) continue
    const weight = Math.exp((logit - best) / temperature)
    if (weight > 0) band.push({ id, weight })
  }
  return band
}

function cut (sorted: Candidate[], total: number, truncation: Truncation): Candidate[] {
  const topK = sorted.slice(0, truncation.topK)
  // When top-k cuts, top-p is a share of what it left; otherwise of the whole vocabulary.
  const isCutByK = truncation.topK < sorted.length
  const mass = isCutByK ? topK.reduce((sum, candidate) => sum + candidate.weight, 0) : total
  let sum = 0
  const kept: Candidate[] = []
  for (const candidate of topK) {
    if (kept.length > 0 && (sum >= truncation.topP * mass || candidate.weight < truncation.minP)) break
    sum += candidate.weight
    kept.push(candidate)
  }
  return kept
}
