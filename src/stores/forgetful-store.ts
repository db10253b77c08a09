/**
 * The store of a gateway without accounts: it knows nobody, refuses nothing and remembers nothing but the responses that callers
 * asked to keep, and those in memory, so that the request path is the same with accounts and without.
 */
import type { AccountStore, ReserveCommand, ReserveResult, Tally } from './account-store.js'
import { MemoryResponses } from './memory-responses.js'
import type { KeptResponse, ResponseLimits } from './response-store.js'

/** There is nowhere to keep this. */
export class NoStoreError extends Error {
  override readonly name = 'NoStoreError'
}

export class ForgetfulStore implements AccountStore {
  readonly #responses = new MemoryResponses()

  async nowMs (): Promise<number> {
    return Date.now()
  }

  async findKeyByHash (): Promise<null> {
    return null
  }

  async findKey (): Promise<null> {
    return null
  }

  async listKeys (): Promise<[]> {
    return []
  }

  /** @throws NoStoreError always: a key that is forgotten at once would be worse than none */
  async saveKey (): Promise<boolean> {
    throw new NoStoreError('there is no store to keep keys in: set accounts.store')
  }

  async findOrg (): Promise<null> {
    return null
  }

  /** @throws NoStoreError always */
  async saveOrg (): Promise<boolean> {
    throw new NoStoreError('there is no store to keep organisations in: set accounts.store')
  }

  async findTurn (): Promise<null> {
    return null
  }

  async rememberTurn (): Promise<void> {}

  async keepResponse (response: KeptResponse, limits: ResponseLimits): Promise<boolean> {
    return await this.#responses.keepResponse(response, limits)
  }

  async findResponse (id: string, owner: string): Promise<string | null> {
    return await this.#responses.findResponse(id, owner)
  }

  async forgetResponse (id: string, owner: string): Promise<boolean> {
    return await this.#responses.forgetResponse(id, owner)
  }

  async reserve ({ takes }: ReserveCommand): Promise<ReserveResult> {
    return { isReserved: true, states: takes.map(() => ({ fits: true, remaining: null, waitMs: null, resetMs: null })) }
  }

  async settle (): Promise<boolean> {
    return true
  }

  async release (): Promise<void> {}

  async renew (): Promise<void> {}

  async abandonExpired (): Promise<number> {
    return 0
  }

  async listTallies (): Promise<Map<string, Tally>> {
    return new Map()
  }

  async readTallies (counters: string[]): Promise<Tally[]> {
    return counters.map(() => ({ spent: 0n, held: 0n }))
  }

  async ledgerVersion (): Promise<string> {
    return '0'
  }

  async * readLedger (): AsyncGenerator<never, void, undefined> {}

  async replaceSpent (): Promise<boolean> {
    return true
  }

  async close (): Promise<void> {}
}
