/** `redis://…`, `rediss://…` or `unix:/path` of a socket is a shared Redis, `none` remembers nothing; anything else is the path of an SQLite file, made when missing. */
import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import type { AccountStore } from './account-store.js'

export interface OpenAccountStoreOptions {
  commandTimeoutMs?: number
  clock?: () => number
}

export async function openAccountStore (location: string, { commandTimeoutMs, clock }: OpenAccountStoreOptions = {}): Promise<AccountStore> {
  // Loaded when needed: a command that only prints help must not open a native library or a socket.
  if (/^(rediss?:\/\/|unix:)/.test(location)) {
    const { RedisStore } = await import('./redis-store.js')
    return new RedisStore({ url: location.replace(/^unix:/, ''), ...(commandTimeoutMs === undefined ? {} : { commandTimeoutMs }) })
  }
  if (location === 'none') {
    const { ForgetfulStore } = await import('./forgetful-store.js')
    return new ForgetfulStore()
  }
  if (location !== ':memory:') mkdirSync(dirname(location), { recursive: true })
  const { SqliteStore } = await import('./sqlite-store.js')
  return new SqliteStore({ path: location, ...(clock === undefined ? {} : { clock }) })
}
