/** A tokenizer.json of V4's control tokens and the 256 bytes, without merges. */
import { assistantStart, beginOfSentence, dsml, endOfSentence, fillInTheMiddle, latestReminder, thinkEnd, thinkStart, userStart } from '../../../../src/language/control-tokens.js'
import { byteOfAlphabetCharacter } from '../../../../src/language/tokenizer/vocabulary.js'

/** In the order of their ids, from 0. Ids 0 and 1 are those of the releases. */
export const controlTokenTexts: readonly string[] = [
  beginOfSentence, endOfSentence, '<｜▁pad▁｜>',
  userStart, assistantStart, thinkStart, thinkEnd, dsml, latestReminder,
  fillInTheMiddle.begin, fillInTheMiddle.hole, fillInTheMiddle.end
]

/** @param size of the vocabulary; ids that nothing else takes become placeholders, so that every id has a text */
export function byteTokenizer (size = 0): Record<string, unknown> {
  const firstFree = controlTokenTexts.length + 256
  const placeholders = Array.from({ length: Math.max(0, size - firstFree) }, (_, index) => `<｜place▁holder▁no▁${index}｜>`)
  const bytes = [...byteOfAlphabetCharacter()].map(([character, byte]): [string, number] => [character, controlTokenTexts.length + byte])
  return {
    version: '1.0',
    added_tokens: [
      ...controlTokenTexts.map((content, id) => addedToken(id, content)),
      ...placeholders.map((content, index) => addedToken(firstFree + index, content))
    ],
    normalizer: null,
    pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false },
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: { type: 'BPE', vocab: Object.fromEntries(bytes.sort((left, right) => left[1] - right[1])), merges: [] }
  }
}

function addedToken (id: number, content: string): Record<string, unknown> {
  return { id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true }
}
