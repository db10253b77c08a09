/** Counts the requests under way on a server, so that a shutdown can wait for them and for nothing else. */
import type { Server } from 'node:http'

/** For an error event to reach the socket. */
const lastWordsMs = 1000

export class RunningRequests {
  readonly #server: Server
  #count = 0
  #onIdle: () => void = () => {}

  constructor (server: Server) {
    this.#server = server
    server.on('request', (_request, response) => {
      this.#count++
      response.once('close', () => {
        this.#count--
        if (this.#count === 0) this.#onIdle()
      })
    })
  }

  /**
   * Waits until no request runs; when the time is up calls `giveUp`, which makes running streams say so, and waits for that.
   * Then closes every connection: Node takes one that has not yet sent a request (browsers and SDKs open them in advance)
   * for a busy one and would let it hold up the end for a minute.
   */
  async finish (limitMs: number, giveUp: () => void): Promise<void> {
    const isDone = await this.#idleWithin(limitMs)
    if (!isDone) {
      giveUp()
      await this.#idleWithin(lastWordsMs)
    }
    this.#server.closeAllConnections()
  }

  async #idleWithin (limitMs: number): Promise<boolean> {
    if (this.#count === 0) return true
    return await new Promise(resolve => {
      const timer = setTimeout(() => resolve(false), limitMs)
      this.#onIdle = () => {
        clearTimeout(timer)
        resolve(true)
      }
    })
  }
}
