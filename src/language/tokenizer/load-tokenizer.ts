/**
 * The one place of the language that reads files: the built-in vocabulary or a checkpoint's own.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { vocabularyFromCompact } from './from-compact.js'
import { vocabularyFromHuggingFace } from './from-hugging-face.js'
import { Tokenizer } from './tokenizer.js'

/** `deepseek-v4` is built in; a directory is a checkpoint with a tokenizer.json. */
export type TokenizerSource = 'deepseek-v4' | { directory: string }

/** Throws when the file is missing or holds a tokenizer of another kind. */
export function loadTokenizer (source: TokenizerSource): Tokenizer {
  if (source === 'deepseek-v4') return new Tokenizer(vocabularyFromCompact(readFileSync(new URL('./deepseek-v4.bin', import.meta.url))))
  const path = join(source.directory, 'tokenizer.json')
  const text = readFileSync(path, 'utf8')
  try {
    return new Tokenizer(vocabularyFromHuggingFace(text))
  } catch (error) {
    throw new Error(`${path}: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
  }
}
