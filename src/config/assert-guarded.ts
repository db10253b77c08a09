import { ConfigError } from './config-error.js'
import type { GatewayConfig } from './schema.js'

const loopback = new Set(['127.0.0.1', '::1', 'localhost'])

/** @throws ConfigError when an address that others can reach is open to everybody */
export function assertGuarded (config: GatewayConfig): void {
  const { admin, server } = config
  if (admin.secretHash === null && !loopback.has(admin.host)) {
    throw new ConfigError(`admin.host is ${admin.host}: an address that others can reach needs a secret (GEARBOX_ADMIN_SECRET or admin.secretHash)`)
  }
  if (asksForKeys(config) || loopback.has(server.host)) return
  throw new ConfigError(`server.host is ${server.host}: an address that others can reach needs keys (accounts.store, access.keyHashes or GEARBOX_KEYS)`)
}

/** Whoever keeps accounts wants to know who calls, even before the first key is made. */
export function asksForKeys ({ access, accounts }: GatewayConfig): boolean {
  return access.keyHashes.length > 0 || accounts.store !== 'none'
}
