import { timingSafeEqual } from 'node:crypto'
import type { AccountService } from '../accounts/account-service.js'
import { anonymousAccount, hashSecret, type Account } from '../accounts/keys.js'
import type { AccountStore } from '../stores/account-store.js'
import { orgRecordSchema } from '../stores/key-record.js'
import type { Caller, VerifyKey } from './gateway-dependencies.js'

/**
 * Checks keys against their SHA-256 hashes (hex): keys of the configuration, without rules or limits. Every hash is
 * compared, whole, whichever matches.
 */
export function createKeyVerifier (keyHashes: readonly string[]): VerifyKey {
  const known = keyHashes.map(hash => Buffer.from(hash, 'hex'))
  return key => {
    const presented = Buffer.from(hashSecret(key), 'hex')
    let match: Buffer | null = null
    for (const hash of known) {
      if (hash.length === presented.length && timingSafeEqual(hash, presented)) match = hash
    }
    if (match === null) return null
    const keyId = match.toString('hex').slice(0, 12)
    return { keyId, account: configuredAccount(keyId) }
  }
}

/** Keys of the configuration first, then those of the store. */
export function createAccountVerifier (keyHashes: readonly string[], accounts: AccountService): VerifyKey {
  const verifyConfigured = createKeyVerifier(keyHashes)
  return async key => {
    const configured = await verifyConfigured(key)
    if (configured !== null) return configured
    const account = await accounts.authenticate(key)
    return account === null ? null : { keyId: account.key.id, account }
  }
}

/** Keys by their ids, for work that goes on after the request that asked for it: those that would be let in now. */
export function createCallerFinder (keyHashes: () => readonly string[], store: AccountStore): (keyId: string) => Promise<Caller | null> {
  return async keyId => {
    if (keyHashes().some(hash => hash.startsWith(keyId))) return { keyId, account: configuredAccount(keyId) }
    const key = await store.findKey(keyId)
    if (key === null || key.revokedAtMs !== null || (key.expiresAtMs ?? Infinity) <= await store.nowMs()) return null
    const org = await store.findOrg(key.orgId) ?? orgRecordSchema.parse({ id: key.orgId, limits: {} })
    return { keyId, account: { key, org } }
  }
}

function configuredAccount (keyId: string): Account {
  const { key, org } = anonymousAccount()
  return { key: { ...key, id: keyId, orgId: 'configured', name: 'configured' }, org: { ...org, id: 'configured' } }
}
