/** Names that clients of another vendor ask for, mapped to ours. Pure. */

/** Patterns, `*` for any characters, to a name that resolveModel knows. The first match in order wins. */
export type ModelMap = Readonly<Record<string, string>>

/** The hosted API's own rule: Opus is Pro, every other Claude is Flash. */
export const defaultModelMap: ModelMap = {
  'claude-opus*': 'deepseek-v4-pro',
  'claude-sonnet*': 'deepseek-v4-flash',
  'claude-haiku*': 'deepseek-v4-flash',
  'claude*': 'deepseek-v4-flash'
}

/** The name to go on with; what no pattern matches stays as it is. */
export function mappedModel (requested: string, map: ModelMap): string {
  const lower = requested.trim().toLowerCase()
  const name = lower.slice(lower.lastIndexOf('/') + 1)
  const found = Object.entries(map).find(([pattern]) => matches(pattern.toLowerCase(), name))
  return found === undefined ? requested : found[1]
}

function matches (pattern: string, name: string): boolean {
  const escaped = pattern.split('*').map(text => text.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^${escaped.join('.*')}$`, 's').test(name)
}
