/**
 * The thread behind OffLoopTokenizer: gets the vocabulary as its data, then pieces, and sends ids back.
 */
import { parentPort, workerData } from 'node:worker_threads'
import type { Piece } from '../render/rendered-prompt.js'
import { Tokenizer } from './tokenizer.js'
import type { Vocabulary } from './vocabulary.js'

export interface EncodeMessage {
  request: number
  pieces: readonly Piece[]
}

export interface EncodedMessage {
  request: number
  ids: Uint32Array<ArrayBuffer>
}

const tokenizer = new Tokenizer(workerData as Vocabulary)

parentPort?.on('message', ({ request, pieces }: EncodeMessage) => {
  const ids = tokenizer.encodePiecesPacked(pieces)
  parentPort?.postMessage({ request, ids } satisfies EncodedMessage, [ids.buffer])
})
