/**
 * The process: settings → languages, workers, dispatch, app → listening; and the way back in the opposite order.
 * Nothing here decides anything about a request.
 */
import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Logger } from 'pino'
import type { Tier } from '../workers/contract/job.js'
import { AccountService } from './accounts/account-service.js'
import { configuredPrices } from './accounts/configured-prices.js'
import { buildApp } from './app.js'
import { readCheckpointCard, type CheckpointCard } from './config/checkpoint-card.js'
import { ConfigError } from './config/config-error.js'
import type { GatewayConfig } from './config/schema.js'
import { embeddedPlans, remoteWorkers } from './config/tier-workers.js'
import { EmbeddedWorkers } from './dispatch/embedded-workers.js'
import { HttpDispatcher } from './dispatch/http-dispatcher.js'
import { HttpWorkerClient } from './dispatch/http-worker-client.js'
import { WorkerRegistry } from './dispatch/worker-registry.js'
import { GatewayError } from './errors.js'
import { createAccountVerifier } from './http/key-verifier.js'
import { RunningRequests } from './http/running-requests.js'
import { createCheckpointLanguage } from './language/create-checkpoint-language.js'
import { loadTokenizer } from './language/tokenizer/load-tokenizer.js'
import type { AccountStore } from './stores/account-store.js'
import { openAccountStore } from './stores/open-account-store.js'

export interface RunningGateway {
  /** Base address clients use, as `http://127.0.0.1:8080`. */
  address: string
  cards: Record<Tier, CheckpointCard>
  /** Resolves when every embedded worker has been ready once. */
  whenReady: () => Promise<void>
  /** Process ids of embedded workers, by worker id; null between two starts. */
  workerPids: () => Map<string, number | null>
  /** Refuses new requests, lets running ones finish within the grace period, stops the workers. Idempotent. */
  close: () => Promise<void>
}

const tierNames = ['flash', 'pro'] as const
const loopback = new Set(['127.0.0.1', '::1', 'localhost'])

/** @throws ConfigError when a checkpoint cannot be read, or the address is open to others and no key is set */
export async function startGateway (config: GatewayConfig, logger: Logger, version: string): Promise<RunningGateway> {
  assertGuarded(config)
  const cards = { flash: readCheckpointCard('flash', config.tiers.flash.checkpoint), pro: readCheckpointCard('pro', config.tiers.pro.checkpoint) }
  const tokenizers = { flash: loadTokenizer(cards.flash.tokenizer), pro: loadTokenizer(cards.pro.tokenizer) }
  const languages = {
    flash: createCheckpointLanguage({ tokenizer: tokenizers.flash, ladder: cards.flash.effortLadder }),
    pro: createCheckpointLanguage({ tokenizer: tokenizers.pro, ladder: cards.pro.effortLadder })
  }
  const registry = new WorkerRegistry({ logger })
  const workers = new EmbeddedWorkers({
    registry,
    logger,
    graceMs: config.server.graceMs,
    workers: tierNames.flatMap(tier => embeddedPlans(tier, config.tiers[tier], cards[tier], tokenizers[tier].vocabularySize))
  })
  for (const tier of tierNames) {
    for (const { workerId, address } of remoteWorkers(tier, config.tiers[tier])) registry.add(workerId, tier, new HttpWorkerClient(address))
  }
  const store = await openAccountStore(config.accounts.store)
  const accounts = openAccounts(config, store, logger)
  let isDraining = false
  const stopping = new AbortController()

  const app = await buildApp({
    settings: {
      ...config.dialects,
      policy: config.policy,
      xhighEffort: config.policy.xhighEffort,
      bodyLimitBytes: config.server.bodyLimitBytes,
      keepAliveMs: config.server.keepAliveMs,
      unauthenticatedPerMinute: config.server.unauthenticatedPerMinute
    },
    tiers: {
      flash: { language: languages.flash, checkpoint: cards.flash },
      pro: { language: languages.pro, checkpoint: cards.pro }
    },
    dispatcher: new HttpDispatcher({ registry, logger }),
    accounts,
    verifyKey: asksForKeys(config) ? createAccountVerifier(config.access.keyHashes, accounts) : null,
    logger,
    version,
    isDraining: () => isDraining,
    stopping: stopping.signal,
    isReady: tier => registry.isReady(tier)
  })

  const running = new RunningRequests(app.server)

  const closeParts = async (): Promise<void> => {
    isDraining = true
    await running.finish(config.server.graceMs, () => stopping.abort(new GatewayError('server_draining', 'The server is shutting down, please retry', { retryAfterMs: 1000 })))
    await app.close()
    await accounts.close()
    await store.close()
    await workers.close()
    registry.close()
    await Promise.all([languages.flash.close(), languages.pro.close()])
  }
  let closing: Promise<void> | null = null
  const close = async (): Promise<void> => {
    closing ??= closeParts()
    await closing
  }

  try {
    const address = await app.listen({ host: config.server.host, port: config.server.port })
    return { address, cards, whenReady: async () => { await workers.whenReady() }, workerPids: () => workers.pids(), close }
  } catch (error) {
    await close()
    throw new ConfigError(`cannot listen on ${config.server.host}:${config.server.port}: ${error instanceof Error ? error.message : String(error)}`)
  }
}

function assertGuarded (config: GatewayConfig): void {
  if (asksForKeys(config) || loopback.has(config.server.host)) return
  throw new ConfigError(`server.host is ${config.server.host}: an address that others can reach needs keys (accounts.store, access.keyHashes or GEARBOX_KEYS)`)
}

/** Whoever keeps accounts wants to know who calls, even before the first key is made. */
function asksForKeys ({ access, accounts }: GatewayConfig): boolean {
  return access.keyHashes.length > 0 || accounts.store !== 'none'
}

function openAccounts ({ accounts }: GatewayConfig, store: AccountStore, logger: Logger): AccountService {
  const journalPath = accounts.store === 'none' ? null : accounts.journalPath
  if (journalPath !== null) mkdirSync(dirname(journalPath), { recursive: true })
  return new AccountService({
    store,
    priceBook: configuredPrices(accounts),
    whenUnavailable: accounts.whenUnavailable,
    journalPath,
    onError: error => { logger.error({ err: error }, 'accounts: something could not be written down') }
  })
}
