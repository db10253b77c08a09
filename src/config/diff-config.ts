/** What a new configuration changes, and which of it a running gateway can take over. Pure. */
import type { GatewayConfig } from './schema.js'

export interface ConfigChange {
  /** As `server.keepAliveMs`. */
  path: string
  before: unknown
  after: unknown
  /** live: applied now. restart: noted, and still as before. */
  applies: 'live' | 'restart'
}

export interface ReloadReport {
  changes: ConfigChange[]
  needsRestart: boolean
}

/** Everything else was built into something when the process started: listeners, engines, stores. */
const livePaths = [
  /^log\.level$/,
  /^policy\./,
  /^dialects\./,
  /^server\.(keepAliveMs|graceMs|unauthenticatedPerMinute)$/
]

/** Values of these are not shown: they are credentials, or hashes of some. */
const hiddenPaths = [/^access\.keyHashes$/, /^admin\.secretHash$/, /^accounts\.store$/]

export function diffConfig (before: GatewayConfig, after: GatewayConfig): ConfigChange[] {
  return differences('', before, after).map(change => ({
    ...change,
    ...(hiddenPaths.some(pattern => pattern.test(change.path)) ? { before: '(hidden)', after: '(hidden)' } : {}),
    applies: isLivePath(change.path, before, after) ? 'live' : 'restart'
  }))
}

type Difference = Omit<ConfigChange, 'applies'>

/** Whether a running gateway can take over a change of this setting. */
export function isLivePath (path: string, before: GatewayConfig, after: GatewayConfig): boolean {
  // Some keys to other keys; whether any are asked for at all is decided at the start.
  if (path === 'access.keyHashes') return [before, after].every(({ access, accounts }) => access.keyHashes.length > 0 || accounts.store !== 'none')
  // Workers elsewhere come and go; worker processes of our own are started and stopped with us.
  const tier = path === 'tiers.flash.workers' ? 'flash' : path === 'tiers.pro.workers' ? 'pro' : null
  if (tier !== null) return [before, after].every(({ tiers }) => tiers[tier].workers.length > 0 && tiers[tier].workers.every(worker => typeof worker === 'string'))
  return livePaths.some(pattern => pattern.test(path))
}

function differences (path: string, before: unknown, after: unknown): Difference[] {
  if (isRecord(before) && isRecord(after)) {
    const names = new Set([...Object.keys(before), ...Object.keys(after)])
    return [...names].flatMap(name => differences(path === '' ? name : `${path}.${name}`, before[name], after[name]))
  }
  return JSON.stringify(before) === JSON.stringify(after) ? [] : [{ path, before: before ?? null, after: after ?? null }]
}

function isRecord (value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
