import type { Constraint } from '../../../contract/job.js'
import { ConstraintError } from './constraint-error.js'
import { jsonRules } from './json-grammar.js'
import { schemaGrammar } from './schema-grammar.js'

/** Kinds of constraints this engine keeps. */
export const keptConstraints: ReadonlyArray<Constraint['kind']> = ['json', 'schema']

/** @throws ConstraintError when the constraint cannot be honoured */
export function constraintGrammar (constraint: Constraint): string {
  switch (constraint.kind) {
    case 'json': return ['root ::= object', ...jsonRules].join('\n')
    case 'schema': return schemaGrammar(constraint.schema)
    default: throw new ConstraintError(`constraint ${constraint.kind} is not supported`)
  }
}
