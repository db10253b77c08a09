/**
 * Prompts that workers died of while computing them. A client that asks again, as SDKs do by themselves, must not cost two more
 * workers: for a while the prompt is refused at once.
 */
import { createHash } from 'node:crypto'
import type { Clock } from './clock.js'
import type { JobRequest } from './dispatch-event.js'

const keptMs = 600_000
const mostKept = 1000

export class PoisonedPrompts {
  readonly #clock: Pick<Clock, 'now'>
  /** When it was found out, by hash; the oldest first. */
  readonly #found = new Map<string, number>()

  constructor (clock: Pick<Clock, 'now'>) {
    this.#clock = clock
  }

  add (request: JobRequest): void {
    this.#found.set(hashOf(request), this.#clock.now())
    const oldest = this.#found.keys().next().value
    if (this.#found.size > mostKept && oldest !== undefined) this.#found.delete(oldest)
  }

  has (request: JobRequest): boolean {
    // Nearly always: hashing a million ids for nothing would be felt.
    if (this.#found.size === 0) return false
    const at = this.#found.get(hashOf(request))
    return at !== undefined && this.#clock.now() - at < keptMs
  }
}

function hashOf ({ tier, tokenIds }: JobRequest): string {
  return createHash('sha256').update(tier).update(Uint32Array.from(tokenIds)).digest('base64')
}
