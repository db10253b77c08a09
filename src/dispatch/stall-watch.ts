/**
 * Notices a worker that hangs as a whole: it answers probes, has work, computes nothing, and none of our streams on it moves.
 * One silent stream is for its own watchdog; this one is faster, since all of them together are no coincidence.
 */
import type { JobEvent } from '../../workers/contract/event.js'
import type { Clock } from './clock.js'
import { WorkerFault } from './worker-fault.js'
import type { WorkerRecord } from './worker-record.js'

export interface StallWatchOptions {
  clock: Clock
  /** A silence of all streams, past their prompts, that is a hang. */
  stallMs: number
  stalled (record: WorkerRecord): void
}

export interface FollowedStream {
  record: WorkerRecord
  /** How long it may be silent before its first token. */
  firstTokenMs: number
  /** Must make the iteration end, with the fault as its reason. */
  bite (fault: WorkerFault): void
}

interface Stream extends FollowedStream {
  /** Since when the worker is waited for; null while the reader is. */
  waitingSince: number | null
  hasBegun: boolean
}

interface Watched {
  streams: Set<Stream>
  computed: number | null
  computedAt: number
  cancel: () => void
}

export class StallWatch {
  readonly #options: StallWatchOptions
  readonly #watched = new Map<WorkerRecord, Watched>()

  constructor (options: StallWatchOptions) {
    this.#options = options
  }

  /** Passes events through. */
  async * follow (events: AsyncGenerator<JobEvent, void, undefined>, followed: FollowedStream): AsyncGenerator<JobEvent, void, undefined> {
    const { clock } = this.#options
    const stream: Stream = { ...followed, waitingSince: null, hasBegun: false }
    const watched = this.#open(stream)
    try {
      while (true) {
        stream.waitingSince = clock.now()
        const result = await events.next()
        stream.waitingSince = null
        if (result.done === true) return
        stream.hasBegun ||= result.value.type === 'tokens'
        yield result.value
      }
    } finally {
      watched.streams.delete(stream)
      if (watched.streams.size === 0) this.#close(stream.record, watched)
      await events.return()
    }
  }

  #open (stream: Stream): Watched {
    const { record } = stream
    const known = this.#watched.get(record)
    if (known !== undefined) {
      known.streams.add(stream)
      return known
    }
    const watched: Watched = { streams: new Set([stream]), computed: computedBy(record), computedAt: this.#options.clock.now(), cancel: () => {} }
    this.#watched.set(record, watched)
    this.#arm(record, watched)
    return watched
  }

  #close (record: WorkerRecord, watched: Watched): void {
    watched.cancel()
    if (this.#watched.get(record) === watched) this.#watched.delete(record)
  }

  /** A few looks in the time allowed. */
  #arm (record: WorkerRecord, watched: Watched): void {
    watched.cancel = this.#options.clock.after(this.#options.stallMs / 4, () => {
      if (this.#isStalled(record, watched)) this.#bite(record, watched)
      else this.#arm(record, watched)
    })
  }

  #isStalled (record: WorkerRecord, watched: Watched): boolean {
    const { clock, stallMs } = this.#options
    const now = clock.now()
    const computed = computedBy(record)
    if (computed !== watched.computed) {
      watched.computed = computed
      watched.computedAt = now
    }
    // An engine that does not count may be computing somebody's long prompt.
    if (computed === null || now - watched.computedAt < stallMs) return false
    return [...watched.streams].every(({ waitingSince, hasBegun, firstTokenMs }) =>
      waitingSince !== null && now - waitingSince >= (hasBegun ? stallMs : Math.max(stallMs, firstTokenMs)))
  }

  #bite (record: WorkerRecord, watched: Watched): void {
    this.#watched.delete(record)
    this.#options.stalled(record)
    const message = `no stream of the worker moved within ${this.#options.stallMs} ms`
    for (const { bite } of [...watched.streams]) bite(new WorkerFault('silent', message, { code: 'worker-stalled', blame: 'worker', isRetryable: true }))
  }
}

function computedBy ({ load }: WorkerRecord): number | null {
  const { promptTokensTotal = null, generatedTokensTotal = null } = load ?? {}
  return promptTokensTotal === null || generatedTokensTotal === null ? null : promptTokensTotal + generatedTokensTotal
}
