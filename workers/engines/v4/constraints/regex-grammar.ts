/**
 * Regular expressions as ECMAScript has them under the flag `u`, as a grammar. Refused by name: what looks around or
 * back, word boundaries, and anchors elsewhere than at the ends of an alternative.
 */
import { anyCodePoint, type CodePoints, codePoints, codePointsOf, without } from './code-points.js'
import { CharacterClassReader } from './regex-classes.js'
import { ConstraintError } from './constraint-error.js'
import { choice, type Expression, repeat, sequence } from './expression.js'

export interface RegexRules {
  /** Spells one character of a set. */
  readonly spell: (set: CodePoints) => Expression
  /** `search`: the pattern may lie anywhere within the text, as in JSON Schema. */
  readonly match: 'whole' | 'search'
  /** The path of it, for messages. */
  readonly where: string
}

const MAX_LENGTH = 20_000
const MAX_DEPTH = 100
const MAX_COUNT = 10_000

const lineEnds = codePointsOf('\n\r\u2028\u2029')
const quantifier = /^(?:([*+?])|\{(\d+)(?:(,)(\d*))?\})\??/

/** @throws ConstraintError naming what cannot be honoured */
export function regexGrammar (pattern: string, rules: RegexRules): Expression {
  if (pattern.length > MAX_LENGTH) throw new ConstraintError(`${rules.where}: longer than ${MAX_LENGTH} characters`)
  return new RegexParser(pattern, rules).parse()
}

class RegexParser {
  readonly #pattern: string
  readonly #rules: RegexRules
  readonly #classes: CharacterClassReader
  #position = 0
  #depth = 0

  constructor (pattern: string, rules: RegexRules) {
    this.#pattern = pattern
    this.#rules = rules
    this.#classes = new CharacterClassReader(pattern, reason => this.#refuse(reason))
  }

  parse (): Expression {
    const alternatives: Expression[] = []
    do alternatives.push(this.#outerAlternative())
    while (this.#take('|'))
    if (this.#position < this.#pattern.length) this.#refuse('a bracket that was not opened')
    return choice(...alternatives)
  }

  /** At the outermost level an alternative may be tied to the ends of the text. */
  #outerAlternative (): Expression {
    const isSearch = this.#rules.match === 'search'
    const anything = repeat(this.#rules.spell(anyCodePoint), 0, Infinity)
    const before = this.#take('^') || !isSearch ? [] : [anything]
    const body = this.#alternative()
    const after = this.#take('$') || !isSearch ? [] : [anything]
    return sequence(...before, body, ...after)
  }

  #alternative (): Expression {
    const terms: Expression[] = []
    for (let next = this.#next(); next !== undefined && next !== '|' && next !== ')' && !this.#isFinalAnchor(); next = this.#next()) terms.push(this.#quantified(this.#atom()))
    return sequence(...terms)
  }

  #isFinalAnchor (): boolean {
    const behind = this.#pattern[this.#position + 1]
    return this.#depth === 0 && this.#next() === '$' && (behind === undefined || behind === '|')
  }

  #atom (): Expression {
    const next = this.#next()
    if (next === '(') return this.#group()
    if (next === '.') {
      this.#position++
      return this.#rules.spell(without(anyCodePoint, lineEnds))
    }
    if (next === '[' || next === '\\') {
      const { set, end } = this.#classes.read(this.#position)
      this.#position = end
      return this.#rules.spell(set)
    }
    if (next === '^' || next === '$') this.#refuse(`${next} elsewhere than at the end of an alternative`)
    if (next === '*' || next === '+' || next === '?') this.#refuse(`${next} with nothing to repeat`)
    const code = this.#pattern.codePointAt(this.#position) ?? 0
    this.#position += code > 0xffff ? 2 : 1
    const set = codePoints([code, code])
    if (set.length === 0) this.#refuse('half a character')
    return this.#rules.spell(set)
  }

  #group (): Expression {
    const opening = /^\((?:\?:|\?<(?![=!])[^>]*>|(?!\?))/.exec(this.#pattern.slice(this.#position, this.#position + 256))?.[0]
    if (opening === undefined) this.#refuse('a group that looks around or sets flags')
    if (++this.#depth > MAX_DEPTH) this.#refuse(`groups nested more than ${MAX_DEPTH} deep`)
    this.#position += opening.length
    const alternatives: Expression[] = []
    do alternatives.push(this.#alternative())
    while (this.#take('|'))
    if (!this.#take(')')) this.#refuse('a group that is not closed')
    this.#depth--
    return choice(...alternatives)
  }

  #quantified (atom: Expression): Expression {
    const found = quantifier.exec(this.#pattern.slice(this.#position, this.#position + 32))
    if (found === null) return atom
    this.#position += found[0].length
    const [, sign, least = '', comma, most] = found
    if (sign !== undefined) return repeat(atom, sign === '+' ? 1 : 0, sign === '?' ? 1 : Infinity)
    const [low, high] = [Number(least), comma === undefined ? Number(least) : most === '' ? Infinity : Number(most)]
    if (low > high) this.#refuse(`the repetition {${low},${high}}`)
    if (low > MAX_COUNT || (high > MAX_COUNT && high !== Infinity)) this.#refuse(`more than ${MAX_COUNT} repetitions`)
    return repeat(atom, low, high)
  }

  #next (): string | undefined { return this.#pattern[this.#position] }

  #take (character: string): boolean {
    if (this.#next() !== character) return false
    this.#position++
    return true
  }

  #refuse (what: string): never {
    throw new ConstraintError(`${this.#rules.where}: ${what} is not supported in a pattern (at ${this.#position})`)
  }
}
