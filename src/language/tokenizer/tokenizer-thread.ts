/**
 * The thread behind OffLoopTokenizer: gets the vocabulary as its data, then pieces, and sends ids back.
 */
import { parentPort, workerData } from 'node:worker_threads'
import type { Piece } from '../render/rendered-prompt.js'
import { unpackPieces, type PieceBatch } from './piece-batches.js'
import { Tokenizer } from './tokenizer.js'
import type { Vocabulary } from './vocabulary.js'

/** A part of the pieces of one request, then null when all are sent. Parts of several requests may arrive in turns. */
export interface EncodeMessage {
  request: number
  batch: PieceBatch | null
}

export type EncodedMessage = { request: number, ids: Uint32Array<ArrayBuffer> } | { request: number, error: unknown }

const tokenizer = new Tokenizer(workerData as Vocabulary)

const partsOf = new Map<number, Piece[]>()

parentPort?.on('message', ({ request, batch }: EncodeMessage) => {
  const pieces = partsOf.get(request) ?? []
  if (batch === null) {
    partsOf.delete(request)
    answer(request, pieces)
  } else {
    for (const piece of unpackPieces(batch)) pieces.push(piece)
    partsOf.set(request, pieces)
  }
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
