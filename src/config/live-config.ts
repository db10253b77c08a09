/** The settings in force. A reload takes over what can change while the gateway runs, and tells what cannot. */
import { diffConfig, isLivePath, type ReloadReport } from './diff-config.js'
import type { GatewayConfig } from './schema.js'

export class LiveConfig {
  #current: GatewayConfig
  readonly #apply: (config: GatewayConfig) => void

  /** @param apply called with the settings in force after each reload that changed something; must not throw */
  constructor (config: GatewayConfig, apply: (config: GatewayConfig) => void) {
    this.#current = config
    this.#apply = apply
  }

  get current (): GatewayConfig {
    return this.#current
  }

  /** What needs a restart is named again by every reload until the restart. */
  take (next: GatewayConfig): ReloadReport {
    const changes = diffConfig(this.#current, next)
    if (changes.some(({ applies }) => applies === 'live')) {
      this.#current = merged(this.#current, next)
      this.#apply(this.#current)
    }
    return { changes, needsRestart: changes.some(({ applies }) => applies === 'restart') }
  }
}

function merged (current: GatewayConfig, next: GatewayConfig): GatewayConfig {
  const { keepAliveMs, graceMs, unauthenticatedPerMinute } = next.server
  const isLive = (path: string): boolean => isLivePath(path, current, next)
  const tierOf = (tier: 'flash' | 'pro'): GatewayConfig['tiers']['flash'] => isLive(`tiers.${tier}.workers`)
    ? { ...current.tiers[tier], workers: next.tiers[tier].workers }
    : current.tiers[tier]
  return {
    ...current,
    server: { ...current.server, keepAliveMs, graceMs, unauthenticatedPerMinute },
    policy: next.policy,
    dialects: next.dialects,
    log: next.log,
    access: isLive('access.keyHashes') ? next.access : current.access,
    tiers: { flash: tierOf('flash'), pro: tierOf('pro') }
  }
}
