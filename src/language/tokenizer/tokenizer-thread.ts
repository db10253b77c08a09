/**
 * The thread behind OffLoopTokenizer: gets the vocabulary as its data, then pieces, and sends ids back.
 */
import { parentPort, workerData } from 'node:worker_threads'
import type { Piece } from '../render/rendered-prompt.js'
import { Tokenizer } from './tokenizer.js'
import type { Vocabulary } from './vocabulary.js'

/** A part of the pieces of one request; parts of several requests may arrive in turns. */
export interface EncodeMessage {
  request: number
  pieces: readonly Piece[]
  isLast: boolean
}

export type EncodedMessage = { request: number, ids: Uint32Array<ArrayBuffer> } | { request: number, error: unknown }

const tokenizer = new Tokenizer(workerData as Vocabulary)

const partsOf = new Map<number, Piece[]>()

parentPort?.on('message', ({ request, pieces, isLast }: EncodeMessage) => {
  const soFar = partsOf.get(request) ?? []
  for (const piece of pieces) soFar.push(piece)
  if (isLast) {
    partsOf.delete(request)
    answer(request, soFar)
  } else partsOf.set(request, soFar)
})

function answer (request: number, pieces: readonly Piece[]): void {
  try {
    const ids = tokenizer.encodePiecesPacked(pieces)
    parentPort?.postMessage({ request, ids } satisfies EncodedMessage, [ids.buffer])
  } catch (error) {
    // One prompt that cannot be encoded must not take the others with it.
    parentPort?.postMessage({ request, error } satisfies EncodedMessage)
  }
}
