/**
 * The gateway as it is started by its users: listening, with our own engine and the trained mini checkpoints in worker processes,
 * keys and a ledger. And what a client asks it for: only what these checkpoints do reliably, or cannot do otherwise.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { createKey } from '../../src/accounts/keys.js'
import { configSchema } from '../../src/config/schema.js'
import { startGateway } from '../../src/server.js'
import type { LedgerEntry } from '../../src/stores/ledger-entry.js'
import { SqliteStore } from '../../src/stores/sqlite-store.js'
import { ledgerOf } from '../accounts/test-accounts.js'

export interface MiniGateway {
  /** `http://127.0.0.1:port` */
  url: string
  apiKey: string
  /** Closes the gateway, which waits for what runs, and says how each request ended. */
  outcomes (): Promise<Array<LedgerEntry['outcome']>>
}

/** This file runs as dist/test/clients/mini-gateway.js. */
const models = join(import.meta.dirname, '../../../models')

export async function startMiniGateway (t: { teardown (callback: () => Promise<void>): void }): Promise<MiniGateway> {
  const folder = mkdtempSync(join(tmpdir(), 'gearbox-clients-'))
  const path = join(folder, 'accounts.sqlite')
  const store = new SqliteStore({ path })
  const { secret } = await createKey(store, { orgId: 'acme', name: 'client' })
  const gateway = await startGateway(configSchema.parse({
    server: { port: 0, graceMs: 10_000 },
    admin: { port: 0 },
    accounts: { store: path, journalPath: null },
    batches: { directory: join(folder, 'batches') },
    tiers: { flash: { checkpoint: join(models, 'flash-mini') }, pro: { checkpoint: join(models, 'pro-mini') } }
  }), pino({ level: 'silent' }), 'test')
  t.teardown(async () => {
    await gateway.close()
    await store.close()
    rmSync(folder, { recursive: true })
  })
  await gateway.whenReady()
  const outcomes = async (): Promise<Array<LedgerEntry['outcome']>> => {
    await gateway.close()
    return (await ledgerOf(store)).map(({ outcome }) => outcome)
  }
  return { url: gateway.address, apiKey: secret, outcomes }
}

export const flash = 'deepseek-v4-flash'

export const france = { question: 'What is the capital of France?', answer: 'The capital of France is Paris.' }

/** In the body of a request: its answer goes on until the client leaves. */
export const longAnswer = { min_tokens: 6000, max_tokens: 8000 }

/** More than these checkpoints can read. */
export const tooLongQuestion = `${'The capital of France is Paris. '.repeat(1500)}\n${france.question}`

export const weather = {
  name: 'get_weather',
  description: 'Get the weather of a city',
  parameters: { type: 'object' as const, properties: { city: { type: 'string' as const } }, required: ['city'], additionalProperties: false as const },
  question: "What's the weather in Paris?",
  result: '{"weather": "sunny", "temperature": 21}'
}

/** Nothing but these two words fit. */
export const sizes = ['small', 'large'] as const
export const placeQuestion = 'Describe Paris as JSON with city and size.'
