import type { ServerResponse } from 'node:http'
import type { JobEvent } from '../contract/event.js'

/** A gateway that leaves this much unread has lost interest or wedged; its job is not worth computing. */
const unreadLimitBytes = 4 * 1024 * 1024

/**
 * Server-sent events of one job. What is written in one turn of the event loop leaves as one chunk, so that an engine
 * step that yields several events costs one system call and no event waits for the next step.
 */
export class EventStream {
  readonly #response: ServerResponse
  readonly #giveUp: () => void
  #pending = ''
  #flush: NodeJS.Immediate | null = null

  /** @param onUnread called when the reader has fallen too far behind; the stream is cut */
  constructor (response: ServerResponse, onUnread: () => void) {
    this.#response = response
    this.#giveUp = onUnread
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
    // A 200 says that the job was taken; the first event may be a long prefill away.
    response.flushHeaders()
  }

  write (event: JobEvent): void {
    this.#pending += `data: ${JSON.stringify(event)}\n\n`
    this.#flush ??= setImmediate(() => this.#send())
  }

  end (): void {
    this.#send()
    this.#response.end()
  }

  #send (): void {
    if (this.#flush !== null) clearImmediate(this.#flush)
    this.#flush = null
    if (this.#pending === '' || this.#response.destroyed) return
    this.#response.write(this.#pending)
    this.#pending = ''
    if (this.#response.writableLength > unreadLimitBytes) {
      this.#giveUp()
      this.#response.destroy()
    }
  }
}
