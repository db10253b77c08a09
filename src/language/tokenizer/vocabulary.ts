/**
 * What a byte-level BPE tokenizer is made of, as plain data that can be sent to another thread.
 */
export interface Vocabulary {
  /** Highest id + 1: how many logits a model with this vocabulary has. Some ids below it may be unused. */
  size: number
  /** The bytes of all tokens, one after the other in id order. */
  tokenBytes: Uint8Array
  /** Token `id` is `tokenBytes[tokenEnds[id - 1] … tokenEnds[id])`; no bytes at all = the id is not in use. */
  tokenEnds: Uint32Array
  /** Id of each of the 256 single bytes; -1 for a byte that valid UTF-8 never holds and the vocabulary leaves out. */
  byteIds: Int32Array
  /** The merge rules; a rule's rank is its position. */
  merges: MergeRules
  /** A piece that is a token as a whole is taken so, even if the rules would not build it. */
  ignoresMergesForWholePieces: boolean
  /** Regular expressions as a tokenizer.json spells them (Oniguruma), each applied inside the pieces of the one before. */
  splitPatterns: string[]
  controlTokens: ControlToken[]
}

/** Three columns of ids: `left[rank]` and `right[rank]` become `result[rank]`. */
export interface MergeRules {
  left: Int32Array
  right: Int32Array
  result: Int32Array
}

/** A token matched as a whole before the text is split; tokenizer.json calls it an added token. */
export interface ControlToken {
  id: number
  text: string
}

/** Running sum: where things of these lengths end when they lie one after the other. */
export function endsOf (lengths: Uint32Array): Uint32Array {
  let end = 0
  return lengths.map(length => {
    end += length
    return end
  })
}

/** GPT-2's order of the 256 bytes: those with a printable Latin-1 character first, then the others. */
export function bytesInAlphabetOrder (): number[] {
  const all = Array.from({ length: 256 }, (_, byte) => byte)
  const isPrintable = (byte: number) => (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174
  return [...all.filter(isPrintable), ...all.filter(byte => !isPrintable(byte))]
}

/** GPT-2's spelling of bytes as characters: printable ones stand for themselves, the others for U+0100 onward. */
export function byteOfAlphabetCharacter (): Map<string, number> {
  const characters = new Map<string, number>()
  bytesInAlphabetOrder().forEach((byte, position) => {
    // 188 bytes are printable: 94 ASCII, 12 + 82 of Latin-1.
    characters.set(String.fromCodePoint(position < 188 ? byte : 256 + position - 188), byte)
  })
  return characters
}
