/**
 * The process: settings → languages, workers, dispatch, app → listening; and the way back in the opposite order.
 * Nothing here decides anything about a request.
 */
import type { Logger } from 'pino'
import type { Tier } from '../workers/contract/job.js'
import { buildApp } from './app.js'
import { readCheckpointCard, type CheckpointCard } from './config/checkpoint-card.js'
import { ConfigError } from './config/config-error.js'
import type { GatewayConfig } from './config/schema.js'
import { EmbeddedWorkers } from './dispatch/embedded-workers.js'
import { HttpDispatcher } from './dispatch/http-dispatcher.js'
import { HttpWorkerClient } from './dispatch/http-worker-client.js'
import { WorkerRegistry } from './dispatch/worker-registry.js'
import { GatewayError } from './errors.js'
import { createKeyVerifier } from './http/key-verifier.js'
import { RunningRequests } from './http/running-requests.js'
import { createCheckpointLanguage, type LoadedLanguage } from './language/create-checkpoint-language.js'
import { loadTokenizer } from './language/tokenizer/load-tokenizer.js'

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

const loopback = new Set(['127.0.0.1', '::1', 'localhost'])

/** @throws ConfigError when a checkpoint cannot be read, or the address is open to others and no key is set */
export async function startGateway (config: GatewayConfig, logger: Logger, version: string): Promise<RunningGateway> {
  assertGuarded(config)
  const cards = { flash: readCheckpointCard(config.tiers.flash.checkpoint), pro: readCheckpointCard(config.tiers.pro.checkpoint) }
  const languages = { flash: loadLanguage(cards.flash), pro: loadLanguage(cards.pro) }
  const registry = new WorkerRegistry({ logger })
  const workers = startWorkers(config, registry, logger)
  let isDraining = false
  const stopping = new AbortController()

  const app = await buildApp({
    settings: {
      ...config.dialects,
      defaultTier: config.policy.defaultTier,
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
    verifyKey: config.access.keyHashes.length === 0 ? null : createKeyVerifier(config.access.keyHashes),
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
  if (config.access.keyHashes.length > 0 || loopback.has(config.server.host)) return
  throw new ConfigError(`server.host is ${config.server.host}: an address that others can reach needs keys (GEARBOX_KEYS or access.keyHashes)`)
}

function loadLanguage (card: CheckpointCard): LoadedLanguage {
  return createCheckpointLanguage({ tokenizer: loadTokenizer({ directory: card.directory }), ladder: card.effortLadder })
}

/** One embedded worker for each tier that names no other. */
function startWorkers (config: GatewayConfig, registry: WorkerRegistry, logger: Logger): EmbeddedWorkers {
  const tiers = ['flash', 'pro'] as const
  for (const tier of tiers) {
    config.tiers[tier].workers.forEach((address, position) => registry.add(`${tier}-${position}`, tier, new HttpWorkerClient(address)))
  }
  return new EmbeddedWorkers({
    registry,
    logger,
    graceMs: config.server.graceMs,
    workers: tiers.filter(tier => config.tiers[tier].workers.length === 0).map(tier => ({
      workerId: `${tier}-0`,
      tier,
      engine: { engine: 'v4', checkpointDirectory: config.tiers[tier].checkpoint, ranks: config.tiers[tier].ranks }
    }))
  })
}
