/** A tokenizer.json of V4's control tokens and the 256 bytes, without merges. */
import { assistantStart, beginOfSentence, dsml, endOfSentence, fillInTheMiddle, latestReminder, thinkEnd, thinkStart, userStart } from '../../../../src/language/control-tokens.js'
import { byteOfAlphabetCharacter } from '../../../../src/language/tokenizer/vocabulary.js'

/** In the order of their ids, from 0. Ids 0 and 1 are those of the releases. */
export const controlTokenTexts: readonly string[] = [
  beginOfSentence, endOfSentence, '<｜▁pad▁｜>',
  userStart, assistantStart, thinkStart, thinkEnd, dsml, latestReminder,
  fillInTheMiddle.begin, fillInTheMiddle.hole, fillInTheMiddle.end
]

export function byteTokenizer (): Record<string, unknown> {
  const bytes = [...byteOfAlphabetCharacter()].map(([character, byte]): [string, number] => [character, controlTokenTexts.length + byte])
  return {
    version: '1.0',
    added_tokens: controlTokenTexts.map((content, id) => ({ id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true })),
    normalizer: null,
    pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false },
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: { type: 'BPE', vocab: Object.fromEntries(bytes.sort((left, right) => left[1] - right[1])), merges: [] }
  }
}
