import type { Effort, EffortLadder } from '../conversation.js'

const absoluteMaximum = `Reasoning Effort: Absolute maximum with no shortcuts permitted.
You MUST be very thorough in your thinking and comprehensively decompose the problem to resolve the root cause, rigorously stress-testing your logic against all potential paths, edge cases, and adversarial scenarios.
Explicitly write out your entire deliberation process, documenting every intermediate step, considered alternative, and rejected hypothesis to ensure absolutely no assumption is left unchecked.

`

const beyondMaximum = `Reasoning Effort: Beyond maximum — exhaustive, relentless, and uncompromising.
You MUST reason with the utmost depth and rigor, leaving absolutely nothing to chance: exhaustively decompose the problem into its most fundamental components, trace every causal chain to its root, and resolve the underlying cause rather than any surface symptom.
Do not stop reasoning until you have independently verified the solution from multiple angles and are certain that no assumption remains unchecked and no error remains undiscovered.

`

const texts: Record<EffortLadder, Record<Effort, string>> = {
  preview: { none: '', low: '', high: '', max: absoluteMaximum },
  '0731': { none: '', low: '', high: absoluteMaximum, max: beyondMaximum }
}

/** What stands between the begin token and the system text (V4 encoding, section 5); '' for most efforts. */
export function effortText (ladder: EffortLadder, effort: Effort): string {
  return texts[ladder][effort]
}
