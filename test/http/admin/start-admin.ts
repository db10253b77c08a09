import { pino } from 'pino'
import type { ReloadReport } from '../../../src/config/diff-config.js'
import { buildAdminApp } from '../../../src/http/admin/admin-app.js'
import type { AccountStore } from '../../../src/stores/account-store.js'
import { ForgetfulStore } from '../../../src/stores/forgetful-store.js'
import { Telemetry, type TelemetryOptions } from '../../../src/telemetry/telemetry.js'
import { startGateway, type Gateway, type GatewayOptions, type Teardown } from '../start-gateway.js'

export interface StartedAdmin {
  gateway: Gateway
  telemetry: Telemetry
  /** `http://127.0.0.1:port` */
  adminUrl: string
}

export interface AdminOptions extends Omit<GatewayOptions, 'telemetry'> {
  watching?: TelemetryOptions
  secretHash?: string | null
  /** Where keys are; default: nowhere. */
  store?: AccountStore
  reload?: () => Promise<ReloadReport>
  consoleFolder?: string
}

/** A gateway with simulated workers and its operator's port, both listening. */
export async function startAdmin (t: Teardown, { watching = {}, secretHash = null, store = new ForgetfulStore(), reload, consoleFolder, ...options }: AdminOptions = {}): Promise<StartedAdmin> {
  const telemetry = new Telemetry(watching)
  const gateway = await startGateway(t, { ...options, telemetry })
  const checkpointOf = (name: string) => ({ name, revision: 'simulated', trained: false, contextTokens: 65_536 })
  const admin = await buildAdminApp({
    telemetry,
    store,
    frontDoor: { address: () => gateway.url, asksForKeys: options.accounts !== undefined || options.verifyKey !== undefined },
    ...(consoleFolder === undefined ? {} : { consoleFolder }),
    pools: gateway.pools,
    checkpoints: { flash: checkpointOf('flash-simulated'), pro: checkpointOf('pro-simulated') },
    secretHash,
    logger: options.logger ?? pino({ level: 'silent' }),
    version: '0.0.0-test',
    isDraining: () => false,
    reload: reload ?? (async () => ({ changes: [], needsRestart: false }))
  })
  const adminUrl = await admin.listen({ host: '127.0.0.1', port: 0 })
  t.after(async () => { await admin.close() })
  return { gateway, telemetry, adminUrl }
}

/** Resolves when every request that was seen is over: a client has its answer a moment before the gateway has closed its books. */
export async function settled (telemetry: Telemetry): Promise<void> {
  while (telemetry.decisions.list({ limit: 1000 }).some(({ outcome }) => outcome === 'running')) await new Promise(resolve => setImmediate(resolve))
}
