/** Runs a constraint's grammar over text, without an engine. */
import { fileURLToPath } from 'node:url'
import { dsml } from '../../../../../src/language/control-tokens.js'
import { loadTokenizer } from '../../../../../src/language/tokenizer/load-tokenizer.js'
import type { Constraint } from '../../../../../workers/contract/job.js'
import { constraintGrammar } from '../../../../../workers/engines/v4/constraints/constraint-grammar.js'
import { MARKUP_SYMBOL } from '../../../../../workers/engines/v4/constraints/expression.js'
import { type Configuration, LazyAutomaton } from '../../../../../workers/engines/v4/constraints/lazy-automaton.js'
import { buildTokenTrie } from '../../../../../workers/engines/v4/constraints/token-trie.js'

export const checkpoint = fileURLToPath(new URL('../../../../../../models/flash-mini', import.meta.url))
export const { vocabulary } = loadTokenizer({ directory: checkpoint })
export const trie = buildTokenTrie(vocabulary, vocabulary.size)

export function runnerOf (constraint: Constraint): LazyAutomaton {
  return new LazyAutomaton(constraintGrammar(constraint).automaton, trie)
}

/** Bytes of text, with the token of tool markup where the text has its name. */
export function symbolsOf (text: string): number[] {
  return text.split(dsml).flatMap((part, index) => [...index === 0 ? [] : [MARKUP_SYMBOL], ...new TextEncoder().encode(part)])
}

export function accepts (runner: LazyAutomaton, text: string): boolean {
  let configuration: Configuration | null = runner.start()
  for (const symbol of symbolsOf(text)) configuration = configuration === null ? null : runner.step(configuration, symbol)
  return configuration?.mayEnd === true
}

export function tokenSymbols (id: number): ArrayLike<number> {
  const control = vocabulary.controlTokens.find(token => token.id === id)
  if (control !== undefined) return control.text === dsml ? [MARKUP_SYMBOL] : []
  return vocabulary.tokenBytes.subarray(vocabulary.tokenEnds[id - 1] ?? 0, vocabulary.tokenEnds[id])
}
