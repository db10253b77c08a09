/**
 * Numbers between two bounds, as a grammar. Numbers are of at most 15 digits before the point and 15 after it: a float64
 * tells those integers apart, and a model that found no end would fill the answer with digits.
 */
import { utf8 } from './code-points.js'
import { ConstraintError } from './constraint-error.js'
import { type Expression } from './expression.js'
import { regexGrammar } from './regex-grammar.js'

export interface NumberBounds {
  readonly minimum: number
  readonly maximum: number
  /** The bound itself is not allowed. */
  readonly excludesMinimum: boolean
  readonly excludesMaximum: boolean
}

const LARGEST = 999_999_999_999_999

export function integerGrammar (bounds: NumberBounds, where: string): Expression {
  const low = bounds.excludesMinimum ? Math.floor(bounds.minimum) + 1 : Math.ceil(bounds.minimum)
  const high = bounds.excludesMaximum ? Math.ceil(bounds.maximum) - 1 : Math.floor(bounds.maximum)
  const [lowest, highest] = [Math.max(low, -LARGEST), Math.min(high, LARGEST)]
  const parts: string[] = []
  if (lowest < 0) parts.push(...digitPatterns(Math.max(1, -highest), -lowest).map(digits => `-${digits}`))
  parts.push(...digitPatterns(Math.max(0, lowest), highest))
  return alternatives(parts, where)
}

export function numberGrammar (bounds: NumberBounds, where: string): Expression {
  for (const bound of [bounds.minimum, bounds.maximum]) {
    if (Number.isFinite(bound) && !Number.isInteger(bound)) throw new ConstraintError(`${where}: a bound of a number must be an integer here, ${bound} is not`)
  }
  if (bounds.minimum === -Infinity && bounds.maximum === Infinity) return alternatives(['-?(0|[1-9][0-9]{0,14})(\\.[0-9]{1,15})?([eE][+-]?[0-9]{1,2})?'], where)
  const { minimum, maximum, excludesMinimum, excludesMaximum } = bounds
  const positive = magnitudes({ minimum: Math.max(0, minimum), maximum, excludesMinimum: excludesMinimum && minimum >= 0, excludesMaximum })
  const negative = magnitudes({ minimum: Math.max(0, -maximum), maximum: -minimum, excludesMinimum: maximum > 0 ? true : excludesMaximum, excludesMaximum: excludesMinimum })
  return alternatives([...positive, ...(minimum < 0 ? negative.map(part => `-${part}`) : [])], where)
}

/** Of numbers from 0 on, between integers. */
function magnitudes ({ minimum, maximum, excludesMinimum, excludesMaximum }: NumberBounds): string[] {
  const high = Math.min(maximum, LARGEST)
  const parts: string[] = []
  if (minimum > high) return parts
  if (!excludesMinimum && !(minimum === high && excludesMaximum)) parts.push(`${minimum}`)
  if (minimum === high) return parts
  // Something above the lower bound and below the next integer.
  parts.push(`${minimum}\\.[0-9]{0,14}[1-9]`)
  parts.push(...digitPatterns(minimum + 1, high - 1).map(digits => `${digits}(\\.[0-9]{1,15})?`))
  if (!excludesMaximum) parts.push(`${high}`)
  return parts
}

/** Regular expressions of the decimal spellings of the integers [low, high], 0 <= low; nothing when high < low. */
function digitPatterns (low: number, high: number): string[] {
  const patterns: string[] = []
  for (let start = low; start <= high;) {
    const free = freeDigits(start, high)
    const size = 10 ** free
    const digit = Math.floor(start / size) % 10
    let last = digit
    while (last < 9 && start + (last - digit + 2) * size - 1 <= high) last++
    const head = `${start}`.slice(0, `${start}`.length - free - 1)
    patterns.push(`${head}[${digit}-${last}]${free === 0 ? '' : `[0-9]{${free}}`}`)
    start += (last - digit + 1) * size
  }
  return patterns
}

/** How many of the last digits may be anything: start … start + 10^digits - 1 ends by `high`, and all have one length. */
function freeDigits (start: number, high: number): number {
  let digits = /[1-9](0*)$/.exec(`${start}`)?.[1]?.length ?? 0
  while (digits > 0 && start + 10 ** digits - 1 > high) digits--
  return digits
}

function alternatives (parts: readonly string[], where: string): Expression {
  if (parts.length === 0) throw new ConstraintError(`${where}: no number lies between these bounds`)
  return regexGrammar(parts.join('|'), { spell: utf8, match: 'whole', where })
}
