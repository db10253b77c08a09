/** Counts the requests under way on a server, so that a shutdown can wait for them and for nothing else. */
import type { Server } from 'node:http'

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
   * Waits until no request runs or the time is up, then closes every connection.
   *
   * Node takes a connection that has not yet sent a request (browsers and SDKs open them in advance) for a busy one and
   * would let it hold up the end for a minute.
   */
  async finish (limitMs: number): Promise<void> {
    if (this.#count > 0) {
      await new Promise<void>(resolve => {
        const timer = setTimeout(resolve, limitMs)
        this.#onIdle = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
    this.#server.closeAllConnections()
  }
}
