/** A gateway with our own engine in worker processes, a store of accounts and one key. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { configSchema } from '../../src/config/schema.js'
import { createKey } from '../../src/accounts/keys.js'
import { startGateway } from '../../src/server.js'
import { SqliteStore } from '../../src/stores/sqlite-store.js'
import { writeRandomCheckpoint } from '../../workers/engines/v4/checkpoint/random-checkpoint.js'
import type { Teardown } from '../http/start-gateway.js'

export interface EmbeddedGateway {
  address: string
  adminUrl: string
  /** Of the key `console` of `acme`, which may spend 0.05 USD a day. */
  secret: string
}

/** Flash has random weights, which never come to an end of their own; Pro is the shipped mini. */
export async function startEmbedded (t: Teardown): Promise<EmbeddedGateway> {
  const folder = await mkdtemp(join(tmpdir(), 'gearbox-console-'))
  t.after(async () => { await rm(folder, { recursive: true, force: true }) })
  await writeRandomCheckpoint(join(folder, 'flash'), { tier: 'flash' })
  const storePath = join(folder, 'accounts.sqlite')
  const store = new SqliteStore({ path: storePath })
  const { secret } = await createKey(store, { orgId: 'acme', name: 'console', limits: { nanoUsdPerDay: 50_000_000 } })
  await store.close()
  const config = configSchema.parse({
    server: { port: 0, graceMs: 1000 },
    admin: { port: 0 },
    accounts: { store: storePath, journalPath: null },
    batches: { directory: null },
    tiers: { flash: { checkpoint: join(folder, 'flash') }, pro: { checkpoint: 'models/pro-mini' } }
  })
  const gateway = await startGateway(config, pino({ level: 'silent' }), 'test')
  t.after(async () => { await gateway.close() })
  await gateway.whenReady()
  return { address: gateway.address, adminUrl: gateway.adminAddress, secret }
}
