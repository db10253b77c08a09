/**
 * Reads a Hugging Face tokenizer.json that describes byte-level BPE, and refuses what it could not follow exactly.
 *
 * Left out on purpose: truncation, padding and the post-processor, because the renderer writes every control token itself.
 */
import { byteOfAlphabetCharacter, endsOf, type ControlToken, type MergeRules, type Vocabulary } from './vocabulary.js'

/** What GPT-2's pre-tokenizer does; `ByteLevel` with `use_regex` stands for it. */
const gpt2Pattern = '\'s|\'t|\'re|\'ve|\'m|\'ll|\'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+'

type Fields = Record<string, unknown>

/** `text` is the whole file. Throws an Error that names the part that is malformed or not supported. */
export function vocabularyFromHuggingFace (text: string): Vocabulary {
  const file = fieldsOf(JSON.parse(text), 'the file')
  refuseUnless(isAbsentOrEmpty(file['normalizer'], 'normalizers'), 'normalizer', file['normalizer'])
  refuseUnless(isByteLevelDecoder(file['decoder']), 'decoder', file['decoder'])
  const model = fieldsOf(file['model'], 'model')
  checkModel(model)

  const idOf = new Map(Object.entries(fieldsOf(model['vocab'], 'model.vocab')).map(([token, id]) => [token, idFrom(id, `model.vocab[${JSON.stringify(token)}]`)]))
  const controlTokens = listOf(file['added_tokens'] ?? [], 'added_tokens').map(controlTokenFrom)
  const size = [...idOf.values(), ...controlTokens.map(({ id }) => id)].reduce((highest, id) => Math.max(highest, id + 1), 0)
  return {
    size,
    ...packTokenBytes(spellTokens(size, idOf, controlTokens)),
    byteIds: findByteIds(idOf),
    merges: mergeRulesFrom(listOf(model['merges'], 'model.merges'), idOf),
    ignoresMergesForWholePieces: model['ignore_merges'] === true,
    splitPatterns: splitPatternsFrom(file['pre_tokenizer']),
    controlTokens
  }
}

function checkModel (model: Fields): void {
  // Files of before 2021 leave the type out.
  refuseUnless((model['type'] ?? 'BPE') === 'BPE', 'model.type', model['type'])
  for (const field of ['dropout', 'continuing_subword_prefix', 'end_of_word_suffix', 'byte_fallback']) {
    refuseUnless(!model[field], `model.${field}`, model[field])
  }
}

function mergeRulesFrom (merges: unknown[], idOf: Map<string, number>): MergeRules {
  const left = new Int32Array(merges.length)
  const right = new Int32Array(merges.length)
  const result = new Int32Array(merges.length)
  merges.forEach((merge, rank) => {
    const [first, second, ...others]: unknown[] = typeof merge === 'string' ? merge.split(' ') : listOf(merge, `model.merges[${rank}]`)
    const ids = typeof first === 'string' && typeof second === 'string' && others.length === 0
      ? [idOf.get(first), idOf.get(second), idOf.get(first + second)]
      : []
    const [leftId, rightId, resultId] = ids
    if (leftId === undefined || rightId === undefined || resultId === undefined) {
      throw new Error(`model.merges[${rank}] is ${JSON.stringify(merge)}, which does not join two tokens of the vocabulary to a third`)
    }
    left[rank] = leftId
    right[rank] = rightId
    result[rank] = resultId
  })
  return { left, right, result }
}

function spellTokens (size: number, idOf: Map<string, number>, controlTokens: ControlToken[]): Array<Uint8Array | undefined> {
  const byteOf = byteOfAlphabetCharacter()
  const encoder = new TextEncoder()
  const tokens: Array<Uint8Array | undefined> = new Array<undefined>(size).fill(undefined)
  for (const [token, id] of idOf) {
    const bytes = Array.from(token, character => byteOf.get(character) ?? -1)
    // A token with a character beyond the alphabet is its own text; that is how control tokens listed in `vocab` look.
    tokens[id] = bytes.includes(-1) ? encoder.encode(token) : Uint8Array.from(bytes)
  }
  for (const { id, text } of controlTokens) tokens[id] = encoder.encode(text)
  return tokens
}

function packTokenBytes (tokens: ReadonlyArray<Uint8Array | undefined>): Pick<Vocabulary, 'tokenBytes' | 'tokenEnds'> {
  const tokenEnds = endsOf(Uint32Array.from(tokens, bytes => bytes?.length ?? 0))
  const tokenBytes = new Uint8Array(tokenEnds.at(-1) ?? 0)
  tokens.forEach((bytes, id) => {
    if (bytes !== undefined) tokenBytes.set(bytes, (tokenEnds[id] ?? 0) - bytes.length)
  })
  return { tokenBytes, tokenEnds }
}

function findByteIds (idOf: Map<string, number>): Int32Array {
  const byteIds = new Int32Array(256).fill(-1)
  for (const [character, byte] of byteOfAlphabetCharacter()) {
    const id = idOf.get(character)
    // C0, C1 and F5 to FF are never part of UTF-8.
    const isNeeded = byte < 0xc0 || (byte > 0xc1 && byte < 0xf5)
    if (id === undefined && isNeeded) throw new Error(`model.vocab has no token for the byte 0x${byte.toString(16).padStart(2, '0')}`)
    byteIds[byte] = id ?? -1
  }
  return byteIds
}

function controlTokenFrom (value: unknown, position: number): ControlToken {
  const where = `added_tokens[${position}]`
  const token = fieldsOf(value, where)
  const text = token['content']
  if (typeof text !== 'string' || text === '') throw new Error(`${where}.content is not a text`)
  for (const field of ['single_word', 'lstrip', 'rstrip']) refuseUnless(!token[field], `${where}.${field}`, token[field])
  return { id: idFrom(token['id'], `${where}.id`), text }
}

function splitPatternsFrom (preTokenizer: unknown): string[] {
  const steps = stepsOf(preTokenizer, 'pre_tokenizer', 'pretokenizers')
  const last = steps.at(-1)
  if (last?.['type'] !== 'ByteLevel') throw new Error('pre_tokenizer does not end in ByteLevel; other kinds are not supported')
  refuseUnless(!last['add_prefix_space'], 'pre_tokenizer ByteLevel.add_prefix_space', last['add_prefix_space'])
  const patterns = steps.slice(0, -1).map((step, position) => splitPatternFrom(step, `pre_tokenizer step ${position}`))
  // `use_regex` came later than ByteLevel and is on where it is not given.
  return last['use_regex'] === false ? patterns : [...patterns, gpt2Pattern]
}

function splitPatternFrom (step: Fields, where: string): string {
  refuseUnless(step['type'] === 'Split', `${where}.type`, step['type'])
  refuseUnless(step['behavior'] === 'Isolated', `${where}.behavior`, step['behavior'])
  const { Regex: regex, String: literal } = fieldsOf(step['pattern'], `${where}.pattern`)
  if (typeof regex === 'string') return regex
  if (typeof literal === 'string') return literal.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')
  throw new Error(`${where}.pattern holds neither Regex nor String`)
}

function isByteLevelDecoder (decoder: unknown): boolean {
  return decoder === undefined || decoder === null || stepsOf(decoder, 'decoder', 'decoders').every(step => step['type'] === 'ByteLevel')
}

function isAbsentOrEmpty (value: unknown, listName: string): boolean {
  return value === undefined || value === null || stepsOf(value, listName, listName).length === 0
}

/** The steps of a `Sequence`, or the one step that stands alone. */
function stepsOf (value: unknown, where: string, listName: string): Fields[] {
  const whole = fieldsOf(value, where)
  return whole['type'] === 'Sequence' ? listOf(whole[listName], `${where}.${listName}`).map(step => fieldsOf(step, where)) : [whole]
}

function fieldsOf (value: unknown, where: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error(`${where} is not an object`)
  return value as Fields
}

function listOf (value: unknown, where: string): unknown[] {
  if (!Array.isArray(value)) throw new Error(`${where} is not a list`)
  return value
}

function idFrom (value: unknown, where: string): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > 0xffffff) throw new Error(`${where} is not a token id`)
  return value
}

function refuseUnless (isSupported: boolean, what: string, value: unknown): void {
  if (!isSupported) throw new Error(`${what} ${JSON.stringify(value)} is not supported: only byte-level BPE without a normalizer is`)
}
