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
import { bytesInAlphabetOrder, packTokenBytes, type Vocabulary } from './vocabulary.js'

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
  const tokens: Array<Uint8Array | undefined> = new Array<undefined>(header.vocabularySize).fill(undefined)
  const byteIds = new Int32Array(256)
  bytesInAlphabetOrder().forEach((byte, position) => {
    byteIds[byte] = header.firstByteId + position
    tokens[header.firstByteId + position] = Uint8Array.of(byte)
  })
  for (let rank = 0; rank < mergeCount; rank++) {
    tokens[firstMergeId + rank] = concatenate(tokens[merges.left[rank] ?? -1], tokens[merges.right[rank] ?? -1])
  }
  const controlTokens = header.controlTokens.map(([id, text]) => ({ id, text }))
  for (const { id, text } of controlTokens) tokens[id] = new TextEncoder().encode(text)

  return {
    size: header.vocabularySize,
    ...packTokenBytes(tokens),
    byteIds,
    merges,
    ignoresMergesForWholePieces: false,
    splitPatterns: header.splitPatterns,
    controlTokens
  }
}

function unpackIds (planes: Uint8Array, count: number): Int32Array {
  const ids = new Int32Array(count)
  for (let position = 0; position < count; position++) {
    ids[position] = (planes[position] ?? 0) | (planes[count + position] ?? 0) << 8 | (planes[2 * count + position] ?? 0) << 16
  }
  return ids
}

function concatenate (left: Uint8Array | undefined, right: Uint8Array | undefined): Uint8Array {
  if (left === undefined || right === undefined) throw new Error('The compact vocabulary file has a merge rule of tokens that do not exist yet')
  const both = new Uint8Array(left.length + right.length)
  both.set(left)
  both.set(right, left.length)
  return both
}
