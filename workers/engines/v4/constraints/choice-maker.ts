/** From a job's grammar to the choices it leaves, for one checkpoint's vocabulary. Owned by the first rank's thread. */
import { dsml, endOfSentence } from '../../../../src/language/control-tokens.js'
import { loadTokenizer } from '../../../../src/language/tokenizer/load-tokenizer.js'
import type { Vocabulary } from '../../../../src/language/tokenizer/vocabulary.js'
import type { Job } from '../../../contract/job.js'
import { ConstrainedChoice } from './constrained-choice.js'
import { ConstraintError } from './constraint-error.js'
import { GrammarShelf, type NamedGrammar } from './grammar-shelf.js'
import { LazyAutomaton } from './lazy-automaton.js'
import { buildTokenTrie, type TokenTrie } from './token-trie.js'
import { TriggerScanner } from './trigger-scanner.js'

interface Words {
  readonly vocabulary: Vocabulary
  readonly trie: TokenTrie
  readonly endTokenId: number
  readonly markupTokenId: number | undefined
}

export class ChoiceMaker {
  readonly #directory: string
  readonly #vocabularySize: number
  readonly #running = new GrammarShelf<LazyAutomaton>()
  readonly #scanners = new GrammarShelf<TriggerScanner>()
  #words: Words | null = null

  /** @param directory of the checkpoint, whose tokenizer.json spells the tokens */
  constructor (directory: string, vocabularySize: number) {
    this.#directory = directory
    this.#vocabularySize = vocabularySize
  }

  /**
   * The choices at the job's next token: what a resumed job had emitted is taken in.
   * @throws ConstraintError
   */
  begin ({ key, automaton, heldBack, isTriggered }: NamedGrammar, { tokenIds, resumedFrom = 0, constraintAfterTokenId }: Job): ConstrainedChoice {
    this.#words ??= this.#read()
    const { vocabulary, trie, endTokenId, markupTokenId } = this.#words
    const choice = new ConstrainedChoice({
      grammar: this.#running.take(key, () => new LazyAutomaton(automaton, trie)),
      vocabulary,
      vocabularySize: this.#vocabularySize,
      endTokenId,
      markupTokenId,
      afterTokenId: constraintAfterTokenId,
      heldBack: heldBack === null ? null : this.#scanners.take(heldBack, () => new TriggerScanner(heldBack, vocabulary)),
      isTriggered
    })
    for (const id of tokenIds.slice(tokenIds.length - resumedFrom)) {
      if (!choice.accept(id)) throw new ConstraintError('what the job had emitted before breaks its constraint')
    }
    return choice
  }

  /** Before the first job comes, so that none waits for it. A checkpoint without a tokenizer can serve no constraints. */
  prepare (): void {
    try {
      this.#words ??= this.#read()
    } catch {
      // The job that needs it is told.
    }
  }

  #read (): Words {
    let vocabulary: Vocabulary
    try {
      ({ vocabulary } = loadTokenizer({ directory: this.#directory }))
    } catch (error) {
      throw new ConstraintError('the checkpoint has no tokenizer that could spell an answer', { cause: error })
    }
    const idOf = (text: string): number | undefined => vocabulary.controlTokens.find(control => control.text === text)?.id
    const endTokenId = idOf(endOfSentence)
    if (endTokenId === undefined) throw new ConstraintError(`the checkpoint's tokenizer has no ${endOfSentence}`)
    return { vocabulary, trie: buildTokenTrie(vocabulary, this.#vocabularySize), endTokenId, markupTokenId: idOf(dsml) }
  }
}
