/**
 * Accounts by the hash of their key, for a moment, so that not every request asks the store; and for longer when the store
 * is away, so that its absence does not lock everybody out. A revocation is seen after `freshMs` at the latest.
 */
import { performance } from 'node:perf_hooks'
import { StoreUnavailableError, type AccountStore } from '../stores/account-store.js'
import type { Account } from './keys.js'

export interface KeyCacheOptions {
  freshMs: number
  /** How old an account may be while the store is unreachable. */
  staleMs: number
}

const mostAccounts = 10_000

export class KeyCache {
  readonly #store: AccountStore
  readonly #options: KeyCacheOptions
  readonly #accounts = new Map<string, { account: Account, seenAt: number }>()

  constructor (store: AccountStore, options: KeyCacheOptions) {
    this.#store = store
    this.#options = options
  }

  /** @throws StoreUnavailableError when the store is away and the account was not seen lately */
  async find (hash: string): Promise<Account | null> {
    const known = this.#accounts.get(hash)
    const age = known === undefined ? Infinity : performance.now() - known.seenAt
    if (known !== undefined && age < this.#options.freshMs) return known.account
    try {
      const account = await this.#store.findKeyByHash(hash)
      this.#accounts.delete(hash)
      if (account !== null) this.#remember(hash, account)
      return account
    } catch (error) {
      if (error instanceof StoreUnavailableError && known !== undefined && age < this.#options.staleMs) return known.account
      throw error
    }
  }

  #remember (hash: string, account: Account): void {
    this.#accounts.set(hash, { account, seenAt: performance.now() })
    const [oldest] = this.#accounts.keys()
    if (this.#accounts.size > mostAccounts && oldest !== undefined) this.#accounts.delete(oldest)
  }
}
