/**
 * Encodes prompts without holding up the event loop: large ones on a thread of their own, small ones at once.
 */
import { Worker } from 'node:worker_threads'
import type { Piece } from '../render/rendered-prompt.js'
import { fillArray } from './id-buffer.js'
import { packInBatches } from './piece-batches.js'
import type { Tokenizer } from './tokenizer.js'
import type { EncodedMessage, EncodeMessage } from './tokenizer-thread.js'

export interface OffLoopOptions {
  /** Prompts of more UTF-16 units go to a thread. 32 Ki take a few milliseconds, about what the way to a thread and back costs. */
  thresholdUnits?: number
  /** Threads at most; each is started when first needed. */
  threads?: number
}

/** Work per turn of the loop: text copied to a thread, and ids turned into a plain array. A millisecond or two each. */
const unitsPerTurn = 1 << 19
const idsPerTurn = 1 << 17

interface Waiting {
  resolve: (ids: Uint32Array) => void
  reject: (error: unknown) => void
}

export class OffLoopTokenizer {
  readonly #tokenizer: Tokenizer
  readonly #thresholdUnits: number
  readonly #threads: Array<TokenizerThread | undefined>
  #isClosed = false

  constructor (tokenizer: Tokenizer, options: OffLoopOptions = {}) {
    this.#tokenizer = tokenizer
    this.#thresholdUnits = options.thresholdUnits ?? 32 * 1024
    this.#threads = new Array<undefined>(options.threads ?? 1).fill(undefined)
  }

  /** What Tokenizer.encodePieces() gives or throws. Rejects when the tokenizer is closed or its thread dies. */
  async encodePieces (pieces: readonly Piece[]): Promise<number[]> {
    if (this.#isClosed) throw new Error('The tokenizer is closed')
    const units = pieces.reduce((sum, piece) => sum + piece.text.length, 0)
    if (units <= this.#thresholdUnits) return this.#tokenizer.encodePieces(pieces)
    return await toArrayInTurns(await this.#leastBusyThread().encode(pieces))
  }

  /** Ends the threads; what they were encoding is rejected. */
  async close (): Promise<void> {
    this.#isClosed = true
    await Promise.all(this.#threads.map(async thread => { await thread?.close() }))
  }

  #leastBusyThread (): TokenizerThread {
    const slot = this.#threads.reduce((best, thread, index) => load(thread) < load(this.#threads[best]) ? index : best, 0)
    const thread = this.#threads[slot]
    if (thread !== undefined && !thread.isGone) return thread
    const started = new TokenizerThread(this.#tokenizer)
    this.#threads[slot] = started
    return started
  }
}

class TokenizerThread {
  isGone = false
  readonly #worker: Worker
  readonly #waiting = new Map<number, Waiting>()
  #lastRequest = 0

  constructor (tokenizer: Tokenizer) {
    this.#worker = new Worker(new URL('./tokenizer-thread.js', import.meta.url), { workerData: tokenizer.vocabulary })
    this.#worker.on('message', (message: EncodedMessage) => { this.#settle(message) })
    this.#worker.on('error', error => { this.#fail(error) })
    this.#worker.on('exit', () => { this.#fail(new Error('The tokenizer thread has ended')) })
    this.#worker.unref()
  }

  get pending (): number {
    return this.#waiting.size
  }

  async encode (pieces: readonly Piece[]): Promise<Uint32Array> {
    const request = ++this.#lastRequest
    const answer = new Promise<Uint32Array>((resolve, reject) => { this.#waiting.set(request, { resolve, reject }) })
    // A thread with nothing to do does not keep the process alive, one with a promise to keep does.
    this.#worker.ref()
    const [ids] = await Promise.all([answer, this.#send(request, pieces)])
    return ids
  }

  /** Copying the text to the thread is the largest part that must be done here, so it is done in parts too. */
  async #send (request: number, pieces: readonly Piece[]): Promise<void> {
    for (const batch of packInBatches(pieces, unitsPerTurn)) {
      this.#worker.postMessage({ request, batch } satisfies EncodeMessage)
      await nextTurn()
    }
    this.#worker.postMessage({ request, batch: null } satisfies EncodeMessage)
  }

  async close (): Promise<void> {
    await this.#worker.terminate()
  }

  #settle (message: EncodedMessage): void {
    const waiting = this.#waiting.get(message.request)
    this.#waiting.delete(message.request)
    if ('ids' in message) waiting?.resolve(message.ids)
    else waiting?.reject(message.error)
    if (this.#waiting.size === 0) this.#worker.unref()
  }

  #fail (error: unknown): void {
    this.isGone = true
    for (const { reject } of this.#waiting.values()) reject(error)
    this.#waiting.clear()
  }
}

function load (thread: TokenizerThread | undefined): number {
  // A thread not yet started costs its start, so an idle one is preferred.
  return thread === undefined || thread.isGone ? 0.5 : thread.pending
}

async function toArrayInTurns (ids: Uint32Array): Promise<number[]> {
  const all = new Array<number>(ids.length)
  for (let start = 0; start < ids.length; start += idsPerTurn) {
    if (start > 0) await nextTurn()
    fillArray(all, ids, start, Math.min(start + idsPerTurn, ids.length))
  }
  return all
}

async function nextTurn (): Promise<void> {
  await new Promise(resolve => { setImmediate(resolve) })
}
