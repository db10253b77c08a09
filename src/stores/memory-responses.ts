/** Responses kept in the process, for a gateway without a store: a restart forgets them. */
import type { KeptResponse, ResponseLimits, ResponseStore } from './response-store.js'

interface Entry {
  body: string
  bytes: number
  expiresAtMs: number
}

export class MemoryResponses implements ResponseStore {
  readonly #clock: () => number
  /** By owner, then by id in order of age. */
  readonly #owners = new Map<string, Map<string, Entry>>()

  constructor (clock: () => number = Date.now) {
    this.#clock = clock
  }

  async keepResponse ({ id, owner, body }: KeptResponse, { ttlMs, maxCount, maxBytes }: ResponseLimits): Promise<boolean> {
    const bytes = Buffer.byteLength(body)
    if (bytes > maxBytes) return false
    const kept = this.#owners.get(owner) ?? new Map<string, Entry>()
    this.#owners.set(owner, kept)
    kept.delete(id)
    kept.set(id, { body, bytes, expiresAtMs: this.#clock() + ttlMs })
    let total = 0
    for (const entry of kept.values()) total += entry.bytes
    for (const [oldest, entry] of kept) {
      if (entry.expiresAtMs > this.#clock() && kept.size <= maxCount && total <= maxBytes) break
      total -= entry.bytes
      kept.delete(oldest)
    }
    return true
  }

  async findResponse (id: string, owner: string): Promise<string | null> {
    const entry = this.#owners.get(owner)?.get(id)
    return entry === undefined || entry.expiresAtMs <= this.#clock() ? null : entry.body
  }

  async forgetResponse (id: string, owner: string): Promise<boolean> {
    const isKnown = await this.findResponse(id, owner) !== null
    this.#owners.get(owner)?.delete(id)
    return isKnown
  }
}
