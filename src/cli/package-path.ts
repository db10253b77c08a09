import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { GatewayConfig } from '../config/schema.js'

/** A path inside the package, wherever the command is run. */
export function packagePath (path: string): string {
  return new URL(`../../../${path}`, import.meta.url).pathname
}

/** The shipped configuration names checkpoints relative to the package. */
export function shippedCheckpoint (checkpoint: GatewayConfig['tiers']['flash']['checkpoint']): { path: string, isThere: boolean } | null {
  if (typeof checkpoint !== 'string' || !checkpoint.startsWith('models/')) return null
  const path = packagePath(checkpoint)
  return { path, isThere: existsSync(join(path, 'config.json')) }
}
