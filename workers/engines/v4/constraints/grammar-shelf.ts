/** Grammars that were made already; jobs of one caller tend to come with the same. The latest used comes last. */
import { createHash } from 'node:crypto'
import type { Constraint } from '../../../contract/job.js'
import { constraintGrammar, type ConstraintGrammar } from './constraint-grammar.js'

/** Unbuilt grammars are a few hundred kB, and run ones some MB. */
export const KEPT_GRAMMARS = 16

export interface NamedGrammar extends ConstraintGrammar {
  /** The same for the same constraint. */
  readonly key: string
}

export class GrammarShelf<Entry> {
  readonly #entries = new Map<string, Entry>()

  /** @param make what is not there */
  take (key: string, make: () => Entry): Entry {
    const entry = this.#entries.get(key) ?? make()
    this.#entries.delete(key)
    this.#entries.set(key, entry)
    const oldest = this.#entries.keys().next().value
    if (this.#entries.size > KEPT_GRAMMARS && oldest !== undefined) this.#entries.delete(oldest)
    return entry
  }
}

/** Makes grammars where no tokens wait: on the thread that takes the jobs in. */
export class GrammarMaker {
  readonly #shelf = new GrammarShelf<NamedGrammar>()

  /** @throws ConstraintError naming what cannot be honoured */
  make (constraint: Constraint): NamedGrammar {
    const key = createHash('sha256').update(JSON.stringify(constraint)).digest('base64')
    return this.#shelf.take(key, () => ({ key, ...constraintGrammar(constraint) }))
  }
}
