/**
 * Takes batches from their first status to their last, a few requests at a time. All it knows is in the store: a process
 * that is killed leaves batches where they stood, and the next one goes on. A request whose result was not yet recorded runs again.
 */
import type { BatchLine, BatchRecord, BatchStore } from '../stores/batch-store.js'
import type { FileStore } from '../stores/file-store.js'
import { answeredLine, batchRequestId, finalizeBatch, giveUpWaiting, type BatchAnswer } from './batch-results.js'
import { reach } from './batch-rules.js'
import { readRequests } from './read-requests.js'

export interface BatchCall {
  owner: string
  endpoint: string
  requestId: string
  /** JSON. */
  body: string
}

/** `retryAfterMs`: the gateway is busy or going away; the same request may succeed then. */
export type BatchReply = BatchAnswer & { retryAfterMs: number | null }

export interface BatchRunnerOptions {
  store: BatchStore
  files: FileStore
  /** Asks the gateway as a client would. */
  call: (call: BatchCall, signal: AbortSignal) => Promise<BatchReply>
  /** Requests under way at once, over all batches. */
  concurrency: number
  isOffPeak: (nowMs: number) => boolean
  nowMs?: () => number
  /** A defect, or a disk that does not take what is written: the batch waits. */
  onError: (error: unknown) => void
}

const pollMs = 5_000
const mostRetries = 20
const longestRetryMs = 60_000

export class BatchRunner {
  readonly #options: BatchRunnerOptions
  readonly #nowMs: () => number
  readonly #stopping = new AbortController()
  readonly #running = new Set<Promise<void>>()
  /** Lines under way, by batch: not to be started twice. */
  readonly #started = new Map<string, Map<number, Promise<void>>>()
  /** Aborted for each batch that ends before its time. */
  readonly #aborts = new Map<string, AbortController>()
  readonly #finalizing = new Set<string>()
  #timer: NodeJS.Timeout | null = null
  #pass: Promise<void> | null = null
  #isWoken = false
  #pausedUntilMs = 0

  constructor (options: BatchRunnerOptions) {
    this.#options = options
    this.#nowMs = options.nowMs ?? Date.now
  }

  start (): void {
    this.#timer = setInterval(() => { this.wake() }, pollMs).unref()
    this.wake()
  }

  /** There may be something to do. */
  wake (): void {
    this.#isWoken = true
    if (this.#stopping.signal.aborted) return
    this.#pass ??= this.#work().catch(this.#options.onError).finally(() => { this.#pass = null })
  }

  /** Resolves when nothing runs any more; what had no result yet runs again after a restart. */
  async close (): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer)
    this.#stopping.abort()
    await this.#pass
    await Promise.allSettled([...this.#running])
  }

  async #work (): Promise<void> {
    while (this.#isWoken && !this.#stopping.signal.aborted) {
      this.#isWoken = false
      if (this.#nowMs() < this.#pausedUntilMs) return
      await this.#options.files.removeExpired(Math.floor(this.#nowMs() / 1000))
      for (const record of this.#options.store.unfinished()) {
        if (this.#stopping.signal.aborted) return
        await this.#advance(record)
      }
    }
  }

  async #advance (record: BatchRecord): Promise<void> {
    const isExpired = this.#nowMs() >= record.expiresAt * 1000
    if (record.status === 'cancelling') return this.#end(record, 'cancelled')
    if (isExpired) return this.#end(record, 'expired')
    if (record.status === 'validating') await this.#validate(record)
    else if (record.status === 'in_progress') this.#startLines(record)
    else this.#end(record, 'completed')
  }

  async #validate (record: BatchRecord): Promise<void> {
    const { store, files } = this.#options
    const { total, errors } = await readRequests({ batch: record, content: files.read(record.inputFileId), store, signal: this.#stopping.signal })
      .catch((error: unknown) => {
        if (this.#stopping.signal.aborted) throw error
        return { total: 0, errors: [{ code: 'unreadable_file', message: 'The input file cannot be read', line: null, param: 'input_file_id' }] }
      })
    store.change(record.id, ['validating'], current => errors.length === 0
      ? { ...reach(current, 'in_progress', this.#nowMs()), total }
      : { ...reach(current, 'failed', this.#nowMs()), total: 0, errors }, () => { if (errors.length > 0) store.clearLines(record.id) })
    this.#isWoken = true
  }

  #startLines (record: BatchRecord): void {
    const { store, concurrency, isOffPeak } = this.#options
    if (record.hours === 'off-peak' && !isOffPeak(this.#nowMs())) return
    const started = this.#startedOf(record.id)
    const free = concurrency - this.#running.size
    if (free <= 0) return
    // Those under way are still waiting for their results.
    const lines = store.waitingLines(record.id, -1, started.size + free).filter(({ line }) => !started.has(line)).slice(0, free)
    if (lines.length === 0 && started.size === 0) {
      store.change(record.id, ['in_progress'], current => reach(current, 'finalizing', this.#nowMs()))
      this.#isWoken = true
      return
    }
    for (const line of lines) {
      const work = this.#run(record, line).finally(() => { started.delete(line.line) })
      started.set(line.line, work)
      this.#track(work)
    }
  }

  #track (work: Promise<void>): void {
    const tracked = work.catch((error: unknown) => {
      // Nothing is generated for a disk that does not take it.
      this.#pausedUntilMs = this.#nowMs() + pollMs
      this.#options.onError(error)
    }).finally(() => {
      this.#running.delete(tracked)
      this.wake()
    })
    this.#running.add(tracked)
  }

  async #run ({ id, owner, endpoint }: BatchRecord, { line, customId, request }: BatchLine): Promise<void> {
    const requestId = batchRequestId(id, line)
    const signal = AbortSignal.any([this.#stopping.signal, this.#abortOf(id).signal])
    for (let retries = 0; ; retries++) {
      const reply = await this.#options.call({ owner, endpoint, requestId, body: request }, signal).catch((error: unknown) => {
        if (signal.aborted) return null
        throw error
      })
      if (reply === null || signal.aborted) return
      if (reply.retryAfterMs === null || retries >= mostRetries) {
        const outcome = reply.statusCode < 300 ? 'completed' : 'failed'
        this.#options.store.recordResult(id, line, outcome, answeredLine(requestId, customId, reply))
        return
      }
      await sleep(Math.min(longestRetryMs, reply.retryAfterMs * 2 ** retries), signal)
      if (signal.aborted) return
    }
  }

  /** Beside the other batches: it waits for what is under way. */
  #end (record: BatchRecord, end: 'completed' | 'expired' | 'cancelled'): void {
    if (this.#finalizing.has(record.id)) return
    this.#finalizing.add(record.id)
    this.#abortOf(record.id).abort()
    this.#track(this.#finalize(record, end).finally(() => {
      this.#finalizing.delete(record.id)
      this.#aborts.delete(record.id)
      this.#started.delete(record.id)
    }))
  }

  async #finalize (record: BatchRecord, end: 'completed' | 'expired' | 'cancelled'): Promise<void> {
    const { store, files } = this.#options
    await Promise.allSettled([...this.#startedOf(record.id).values()])
    if (this.#stopping.signal.aborted) return
    if (end !== 'completed') giveUpWaiting(store, record.id, end)
    await finalizeBatch({ store, files, record, end, nowMs: this.#nowMs })
  }

  #startedOf (batchId: string): Map<number, Promise<void>> {
    const started = this.#started.get(batchId) ?? new Map<number, Promise<void>>()
    this.#started.set(batchId, started)
    return started
  }

  #abortOf (batchId: string): AbortController {
    const abort = this.#aborts.get(batchId) ?? new AbortController()
    this.#aborts.set(batchId, abort)
    return abort
  }
}

async function sleep (ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return
  await new Promise<void>(resolve => {
    const end = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, ms)
    signal.addEventListener('abort', end)
  })
}
