/** The rules of one grammar while it is being written. */
import { ConstraintError } from './constraint-error.js'
import { call, type Expression } from './expression.js'
import { jsonRules, type JsonSpelling } from './json-grammar.js'

/** Each is a part of somebody's schema. */
const MAX_RULES = 20_000

export class RuleBook {
  readonly spelling: JsonSpelling
  readonly rules: Map<string, Expression>

  constructor (spelling: JsonSpelling) {
    this.spelling = spelling
    this.rules = new Map(jsonRules(spelling))
  }

  /** A rule of its own for what several places come to, or what may hold itself. */
  add (expression: Expression): Expression {
    const name = this.reserve()
    this.rules.set(name, expression)
    return call(name)
  }

  /** A name for what is written later. */
  reserve (): string {
    if (this.rules.size > MAX_RULES) throw new ConstraintError('the constraint is too large')
    const name = `#${this.rules.size}`
    this.rules.set(name, { kind: 'choice', options: [] })
    return name
  }
}
