/** From a job's constraint to the choices it leaves, for one checkpoint's vocabulary. Owned by the first rank's thread. */
import type { CompiledGrammar, GrammarCompiler as XgrammarCompiler } from '@mlc-ai/web-xgrammar'
import { endOfSentence } from '../../../../src/language/control-tokens.js'
import { loadTokenizer } from '../../../../src/language/tokenizer/load-tokenizer.js'
import { byteOfAlphabetCharacter, type Vocabulary } from '../../../../src/language/tokenizer/vocabulary.js'
import type { Constraint, Job } from '../../../contract/job.js'
import { ConstrainedChoice } from './constrained-choice.js'
import { ConstraintError } from './constraint-error.js'
import { constraintGrammar } from './constraint-grammar.js'
import { loadXgrammar, type Xgrammar } from './load-xgrammar.js'

interface Instance {
  readonly library: Xgrammar
  readonly compiler: XgrammarCompiler
  readonly endTokenId: number
  /** The latest used comes last. */
  readonly compiled: Map<string, CompiledGrammar>
}

/** A compiled grammar of a large vocabulary takes megabytes. */
const KEPT_GRAMMARS = 32

export class GrammarCompiler {
  readonly #directory: string
  readonly #vocabularySize: number
  #instance: Promise<Instance> | null = null

  /** @param directory of the checkpoint, whose tokenizer.json spells the tokens */
  constructor (directory: string, vocabularySize: number) {
    this.#directory = directory
    this.#vocabularySize = vocabularySize
  }

  /**
   * The choices at the job's next token: what a resumed job had emitted is taken in.
   * @throws ConstraintError
   */
  async begin (constraint: Constraint, { tokenIds, resumedFrom = 0, constraintAfterTokenId }: Job): Promise<ConstrainedChoice> {
    const grammar = constraintGrammar(constraint)
    this.#instance ??= this.#start()
    const instance = await this.#instance
    const compiled = await this.#compile(instance, grammar)
    const matcher = await instance.library.GrammarMatcher.createGrammarMatcher(compiled)
    const choice = new ConstrainedChoice(matcher, { vocabularySize: this.#vocabularySize, endTokenId: instance.endTokenId, afterTokenId: constraintAfterTokenId })
    for (const id of tokenIds.slice(tokenIds.length - resumedFrom)) {
      if (choice.accept(id)) continue
      choice.close()
      throw new ConstraintError('what the job had emitted before breaks its constraint')
    }
    return choice
  }

  async #compile ({ compiler, compiled }: Instance, grammar: string): Promise<CompiledGrammar> {
    const known = compiled.get(grammar)
    compiled.delete(grammar)
    try {
      const latest = known ?? await compiler.compileGrammar(grammar)
      compiled.set(grammar, latest)
      const oldest = compiled.keys().next().value
      if (compiled.size > KEPT_GRAMMARS && oldest !== undefined) {
        // Those who still match by it hold its contents.
        compiled.get(oldest)?.dispose()
        compiled.delete(oldest)
      }
      return latest
    } catch (error) {
      // The library aborts where it should throw; its memory is not to be trusted after that.
      this.#instance = null
      throw new ConstraintError('the grammar of this constraint cannot be compiled', { cause: error })
    }
  }

  async #start (): Promise<Instance> {
    const { vocabulary } = loadTokenizer({ directory: this.#directory })
    const library = await loadXgrammar()
    const endTokenId = vocabulary.controlTokens.find(({ text }) => text === endOfSentence)?.id
    if (endTokenId === undefined) throw new ConstraintError(`the checkpoint's tokenizer has no ${endOfSentence}`)
    const info = await library.TokenizerInfo.createTokenizerInfo(spell(vocabulary), 'byte_level', false, this.#vocabularySize, [endTokenId])
    return { library, compiler: await library.GrammarCompiler.createGrammarCompiler(info, false), endTokenId, compiled: new Map() }
  }
}

/** Control tokens get no spelling: a grammar would take them for their text, the reader of the answer would not. */
function spell ({ size, tokenBytes, tokenEnds, controlTokens }: Vocabulary): string[] {
  const characters = [...byteOfAlphabetCharacter()].sort(([, left], [, right]) => left - right).map(([character]) => character)
  const silent = new Set(controlTokens.map(({ id }) => id))
  return Array.from({ length: size }, (_, id) => {
    if (silent.has(id)) return ''
    return Array.from(tokenBytes.subarray(tokenEnds[id - 1] ?? 0, tokenEnds[id]), byte => characters[byte] ?? '').join('')
  })
}
