import { dsml } from '../../../../src/language/control-tokens.js'
import type { Constraint } from '../../../contract/job.js'
import { type Automaton, buildAutomaton } from './automaton.js'
import { utf8 } from './code-points.js'
import { call, type Expression } from './expression.js'
import { regexGrammar } from './regex-grammar.js'
import { RuleBook } from './rule-book.js'
import { SchemaGrammar } from './schema-grammar.js'
import { tagGrammar } from './structural-tag.js'

/** Kinds of constraints this engine keeps. */
export const keptConstraints: ReadonlyArray<Constraint['kind']> = ['json', 'schema', 'regex', 'structural-tag']

/** A constraint, ready to be run on another thread. */
export interface ConstraintGrammar {
  readonly automaton: Automaton
  /** A text that may not come in reasoning; null = any may. */
  readonly heldBack: string | null
  /** Whether free text goes before the grammar, which that text begins. */
  readonly isTriggered: boolean
}

/** @throws ConstraintError naming what cannot be honoured */
export function constraintGrammar (constraint: Constraint): ConstraintGrammar {
  switch (constraint.kind) {
    case 'json': return whole(new RuleBook('any'), () => call('object'))
    case 'schema': return whole(new RuleBook('any'), book => new SchemaGrammar(constraint.schema, book).value(constraint.schema, 'schema'))
    case 'regex': return whole(new RuleBook('any'), () => regexGrammar(constraint.pattern, { spell: utf8, match: 'whole', where: 'regex' }))
    case 'structural-tag': {
      const book = new RuleBook('without bars')
      const { root, trigger } = tagGrammar(constraint.tag, book)
      // A call that is begun in reasoning would end it, and be no part of the answer that the tag speaks of.
      return { ...whole(book, () => root), heldBack: trigger ?? `<${dsml}`, isTriggered: trigger !== null }
    }
  }
}

function whole (book: RuleBook, write: (book: RuleBook) => Expression): ConstraintGrammar {
  book.rules.set('root', write(book))
  return { automaton: buildAutomaton(book.rules, 'root'), heldBack: null, isTriggered: false }
}
