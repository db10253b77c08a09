import { createHash, timingSafeEqual } from 'node:crypto'
import type { VerifyKey } from './gateway-dependencies.js'

/**
 * Checks keys against their SHA-256 hashes (hex). Every hash is compared, whole, whichever matches.
 */
export function createKeyVerifier (keyHashes: readonly string[]): VerifyKey {
  const known = keyHashes.map(hash => Buffer.from(hash, 'hex'))
  return key => {
    const presented = createHash('sha256').update(key).digest()
    let match: Buffer | null = null
    for (const hash of known) {
      if (hash.length === presented.length && timingSafeEqual(hash, presented)) match = hash
    }
    return match === null ? null : { keyId: match.toString('hex').slice(0, 12) }
  }
}
