/**
 * Reads the compact vocabulary file that scripts/build-vocabulary.js writes (Brotli over the following):
 *
 *   u32 LE   length of the header
 *   header   JSON, see CompactHeader
 *   merges   left ids, then right ids, each as three planes: all low bytes, all middle bytes, all high bytes
 *
 * The 256 bytes have the ids from `firstByteId` on, in GPT-2's order, and merge rule `rank` makes token
 * `firstMergeId + rank`, so that the rules alone spell out every token.
 */
import { brotliDecompressSync } from 'node:zlib'
import { bytesInAlphabetOrder, endsOf, type ControlToken, type MergeRules, type Vocabulary } from './vocabulary.js'

interface CompactHeader {
  vocabularySize: number
  firstByteId: number
  firstMergeId: number
  mergeCount: number
  splitPatterns: string[]
  controlTokens: Array<[id: number, text: string]>
}

export function vocabularyFromCompact (file: Uint8Array): Vocabulary {
  const content = brotliDecompressSync(file)
  const headerEnd = 4 + content.readUInt32LE(0)
  const header = JSON.parse(content.toString('utf8', 4, headerEnd)) as CompactHeader
  const { firstMergeId, mergeCount } = header
  if (content.length !== headerEnd + 6 * mergeCount) throw new Error('The compact vocabulary file is cut short or damaged')

  const merges = {
    left: unpackIds(content.subarray(headerEnd), mergeCount),
    right: unpackIds(content.subarray(headerEnd + 3 * mergeCount), mergeCount),
    result: Int32Array.from({ length: mergeCount }, (_, rank) => firstMergeId + rank)
  }
  const byteIds = new Int32Array(256)
  bytesInAlphabetOrder().forEach((byte, position) => { byteIds[byte] = header.firstByteId + position })
  const controlTokens = header.controlTokens.map(([id, text]) => ({ id, text }))
  return {
    size: header.vocabularySize,
    ...spellTokens(header.vocabularySize, byteIds, merges, controlTokens),
    byteIds,
    merges,
    ignoresMergesForWholePieces: false,
    splitPatterns: header.splitPatterns,
    controlTokens
  }
}

/** Lays the bytes of every token out in id order; a token's parts come before it, so each is copied from what is there. */
function spellTokens (size: number, byteIds: Int32Array, merges: MergeRules, controlTokens: ControlToken[]): Pick<Vocabulary, 'tokenBytes' | 'tokenEnds'> {
  const controlBytes = controlTokens.map(({ id, text }) => ({ id, bytes: new TextEncoder().encode(text) }))
  const lengths = new Uint32Array(size)
  for (const id of byteIds) lengths[id] = 1
  for (const { id, bytes } of controlBytes) lengths[id] = bytes.length
  for (let rank = 0; rank < merges.result.length; rank++) {
    lengths[merges.result[rank] ?? 0] = (lengths[merges.left[rank] ?? 0] ?? 0) + (lengths[merges.right[rank] ?? 0] ?? 0)
  }

  const tokenEnds = endsOf(lengths)
  const tokenBytes = new Uint8Array(tokenEnds.at(-1) ?? 0)
  const startOf = (id: number): number => (tokenEnds[id] ?? 0) - (lengths[id] ?? 0)
  byteIds.forEach((id, byte) => { tokenBytes[startOf(id)] = byte })
  for (const { id, bytes } of controlBytes) tokenBytes.set(bytes, startOf(id))
  for (let rank = 0; rank < merges.result.length; rank++) {
    const [left, right, start] = [merges.left[rank] ?? 0, merges.right[rank] ?? 0, startOf(merges.result[rank] ?? 0)]
    tokenBytes.copyWithin(start, startOf(left), tokenEnds[left])
    tokenBytes.copyWithin(start + (lengths[left] ?? 0), startOf(right), tokenEnds[right])
  }
  return { tokenBytes, tokenEnds }
}

function unpackIds (planes: Uint8Array, count: number): Int32Array {
  const ids = new Int32Array(count)
  for (let position = 0; position < count; position++) {
    ids[position] = (planes[position] ?? 0) | (planes[count + position] ?? 0) << 8 | (planes[2 * count + position] ?? 0) << 16
  }
  return ids
}
