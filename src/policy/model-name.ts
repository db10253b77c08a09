/**
 * Which tier a model name pins, and what it says about thinking. Vendor prefixes and case do not matter.
 */
import type { Tier } from '../../workers/contract/job.js'

export interface ModelChoice {
  /** null = the caller leaves it to the policy. */
  tier: Tier | null
  /** What the name alone says about thinking; null = nothing. */
  isThinking: boolean | null
}

const flash: ModelChoice = { tier: 'flash', isThinking: null }
const pro: ModelChoice = { tier: 'pro', isThinking: null }

/** Names of every gateway; a checkpoint's own name is a name too. */
export const modelNames: ReadonlyMap<string, ModelChoice> = new Map([
  ['deepseek-v4-pro', pro],
  ['deepseek-v4-flash', flash],
  ['deepseek-flash', flash],
  ['deepseek-v4-flash-vision-exp', flash],
  ['deepseek-chat', { tier: 'flash', isThinking: false }],
  ['deepseek-reasoner', { tier: 'flash', isThinking: true }],
  ['auto', { tier: null, isThinking: null }],
  ['gearbox', { tier: null, isThinking: null }],
  ['pro', pro],
  ['flash', flash]
])

/** The name a tier answers with. */
export const canonicalModelNames: Readonly<Record<Tier, string>> = { pro: 'deepseek-v4-pro', flash: 'deepseek-v4-flash' }

/** What a caller may ask for, as the refusal and `/v1/models` list it. */
export const publicModelNames = ['deepseek-v4-pro', 'deepseek-v4-flash', 'deepseek-flash', 'deepseek-chat', 'deepseek-reasoner', 'auto'] as const

/** null when nobody knows the name. `checkpointNames` are the names of the weights that are loaded now. */
export function resolveModel (requested: string, checkpointNames: Readonly<Record<Tier, string>>): ModelChoice | null {
  const lower = requested.trim().toLowerCase()
  const name = lower.slice(lower.lastIndexOf('/') + 1)
  const known = modelNames.get(name)
  if (known !== undefined) return known
  if (name === checkpointNames.pro.toLowerCase()) return pro
  if (name === checkpointNames.flash.toLowerCase()) return flash
  return null
}
