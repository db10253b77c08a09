/**
 * The process: settings → languages, workers, dispatch, app → listening; and the way back in the opposite order.
 * Nothing here decides anything about a request.
 */
import { setMaxListeners } from 'node:events'
import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import type { FastifyInstance } from 'fastify'
import type { Logger } from 'pino'
import type { Tier } from '../workers/contract/job.js'
import { AccountService } from './accounts/account-service.js'
import { configuredPrices } from './accounts/configured-prices.js'
import { isPeak } from './accounts/price-book.js'
import { buildApp } from './app.js'
import { asksForKeys, assertGuarded } from './config/assert-guarded.js'
import type { ReloadReport } from './config/diff-config.js'
import { LiveConfig } from './config/live-config.js'
import { readCheckpointCard, type CheckpointCard } from './config/checkpoint-card.js'
import { ConfigError } from './config/config-error.js'
import type { GatewayConfig } from './config/schema.js'
import { embeddedPlans, remoteWorkers, servedConstraints } from './config/tier-workers.js'
import { EmbeddedWorkers } from './dispatch/embedded-workers.js'
import { HttpDispatcher } from './dispatch/http-dispatcher.js'
import { reportWorkers, type WorkerReport } from './dispatch/pool-report.js'
import { RegisteredWorkers } from './dispatch/registered-workers.js'
import { RemoteWorkers } from './dispatch/remote-workers.js'
import { SharedView } from './dispatch/shared-view.js'
import { WorkerRegistry } from './dispatch/worker-registry.js'
import { GatewayError } from './errors.js'
import { buildAdminApp } from './http/admin/admin-app.js'
import type { BatchDependencies, GatewaySettings } from './http/gateway-dependencies.js'
import { createAccountVerifier, createCallerFinder } from './http/key-verifier.js'
import { RunningRequests } from './http/running-requests.js'
import { createCheckpointLanguage } from './language/create-checkpoint-language.js'
import { loadTokenizer } from './language/tokenizer/load-tokenizer.js'
import { StoreUnavailableError, type AccountStore } from './stores/account-store.js'
import { openAccountStore } from './stores/open-account-store.js'
import { openBatchStores } from './stores/open-batch-stores.js'
import { openPoolStore } from './stores/open-pool-store.js'
import { SampleLog } from './stores/sample-log.js'
import { Telemetry } from './telemetry/telemetry.js'

export interface RunningGateway {
  /** Base address clients use, as `http://127.0.0.1:8080`. */
  address: string
  cards: Record<Tier, CheckpointCard>
  /** Resolves when every embedded worker has been ready once. */
  whenReady: () => Promise<void>
  /** What each worker is at. */
  workerStates: () => Array<Pick<WorkerReport, 'workerId' | 'state' | 'stateReason'>>
  /** Called when one of them is at something else. @returns ends it */
  onWorkerChange: (listener: () => void) => () => void
  /** Process ids of embedded workers, by worker id; null between two starts. */
  workerPids: () => Map<string, number | null>
  /** Base address of the operator's port. */
  adminAddress: string
  /**
   * Takes over what can change while running.
   *
   * @throws ConfigError when the new settings are not valid; nothing has changed then
   */
  reload: () => Promise<ReloadReport>
  /** Refuses new requests, lets running ones finish within the grace period, stops the workers. Idempotent. */
  close: () => Promise<void>
}

const tierNames = ['flash', 'pro'] as const

/**
 * @param readConfig reads the settings again, for a reload
 * @throws ConfigError when a checkpoint cannot be read, or the address is open to others and no key is set
 */
export async function startGateway (config: GatewayConfig, logger: Logger, version: string, readConfig = async () => config): Promise<RunningGateway> {
  assertGuarded(config)
  const cards = { flash: readCheckpointCard('flash', config.tiers.flash.checkpoint), pro: readCheckpointCard('pro', config.tiers.pro.checkpoint) }
  const tokenizers = { flash: loadTokenizer(cards.flash.tokenizer), pro: loadTokenizer(cards.pro.tokenizer) }
  const languages = {
    flash: createCheckpointLanguage({ tokenizer: tokenizers.flash, ladder: cards.flash.effortLadder }),
    pro: createCheckpointLanguage({ tokenizer: tokenizers.pro, ladder: cards.pro.effortLadder })
  }
  const registry = new WorkerRegistry({ logger })
  const remotes = new RemoteWorkers(registry)
  const registered = new RegisteredWorkers({ registry })
  for (const tier of tierNames) remotes.set(tier, remoteWorkers(tier, config.tiers[tier]))
  const sharedView = await openSharedView(config, { registry, registered, logger })
  const dispatcher = new HttpDispatcher({ registry, logger })
  const store = await openAccountStore(config.accounts.store)
  const accounts = openAccounts(config, store, logger)
  let isDraining = false
  const stopping = new AbortController()
  // Every running answer listens to it.
  setMaxListeners(0, stopping.signal)

  const telemetry = await openTelemetry(config, version)
  const settings = settingsOf(config)
  let verifyKey = createAccountVerifier(config.access.keyHashes, accounts)
  const live = new LiveConfig(config, now => {
    logger.level = now.log.level
    Object.assign(settings, settingsOf(now))
    verifyKey = createAccountVerifier(now.access.keyHashes, accounts)
    for (const tier of tierNames) remotes.set(tier, remoteWorkers(tier, now.tiers[tier]))
  })

  // Asked for each request: workers come, go and are replaced.
  const constraintsOf = (tier: Tier): ReturnType<typeof servedConstraints> => servedConstraints(registry.list(tier).map(({ description }) => description))
  const batches = openBatches(config, { store, live, logger })
  const samples = openSamples(config, logger)
  const app = await buildApp({
    settings,
    tiers: {
      flash: { language: languages.flash, checkpoint: { ...cards.flash, get constraints () { return constraintsOf('flash') } } },
      pro: { language: languages.pro, checkpoint: { ...cards.pro, get constraints () { return constraintsOf('pro') } } }
    },
    dispatcher,
    accounts,
    turns: store,
    ...(samples === null ? {} : { samples }),
    responses: store,
    ...(batches === null ? {} : { batches }),
    verifyKey: asksForKeys(config) ? async key => await verifyKey(key) : null,
    logger,
    telemetry,
    version,
    isDraining: () => isDraining,
    stopping: stopping.signal,
    isReady: tier => registry.isReady(tier)
  })

  const reload = async (): Promise<ReloadReport> => {
    const next = await readConfig()
    assertGuarded(next)
    const report = live.take(next)
    logger.info({ changes: report.changes }, 'settings read again')
    return report
  }
  let frontAddress: string | null = null
  const frontDoor = { address: () => frontAddress, asksForKeys: asksForKeys(config) }
  const admin = await buildAdminApp({ telemetry, store, frontDoor, pools: { registry, line: dispatcher }, registered, checkpoints: cards, secretHash: config.admin.secretHash, logger, version, isDraining: () => isDraining, reload })
  const running = new RunningRequests(app.server)
  // Last: whatever fails before leaves no process behind.
  const workers = new EmbeddedWorkers({
    registry,
    logger,
    graceMs: config.server.graceMs,
    workers: tierNames.flatMap(tier => embeddedPlans(tier, config.tiers[tier], cards[tier], tokenizers[tier].vocabularySize))
  })

  const closeParts = async (): Promise<void> => {
    isDraining = true
    await running.finish(live.current.server.graceMs, () => stopping.abort(new GatewayError('server_draining', 'The server is shutting down, please retry', { retryAfterMs: 1000 })))
    await app.close()
    batches?.stores.close()
    await admin.close()
    await accounts.close()
    await samples?.close()
    await store.close()
    await workers.close()
    registry.close()
    dispatcher.close()
    sharedView?.close()
    await Promise.all([remotes.destroy(), registered.destroy()])
    await telemetry.close()
    await Promise.all([languages.flash.close(), languages.pro.close()])
  }
  let closing: Promise<void> | null = null
  const close = async (): Promise<void> => {
    closing ??= closeParts()
    await closing
  }

  try {
    const address = await app.listen({ host: config.server.host, port: config.server.port })
    frontAddress = address
    const adminAddress = await listenForOperator(admin, config, logger)
    return { address, adminAddress, reload, cards, whenReady: async () => { await workers.whenReady() }, workerStates: () => reportWorkers({ registry }), onWorkerChange: listener => registry.onChange(listener), workerPids: () => workers.pids(), close }
  } catch (error) {
    await close()
    throw new ConfigError(`cannot listen: ${error instanceof Error ? error.message : String(error)}`)
  }
}

/** Gateways that share a Redis share their view of the workers. */
async function openSharedView ({ accounts }: GatewayConfig, parts: { registry: WorkerRegistry, registered: RegisteredWorkers, logger: Logger }): Promise<SharedView | null> {
  const store = await openPoolStore(accounts.store)
  if (store === null) return null
  const view = new SharedView({ ...parts, store })
  view.start().catch(() => {})
  return view
}

function settingsOf ({ dialects, policy, server }: GatewayConfig): GatewaySettings {
  return {
    ...dialects,
    policy,
    xhighEffort: policy.xhighEffort,
    bodyLimitBytes: server.bodyLimitBytes,
    keepAliveMs: server.keepAliveMs,
    unauthenticatedPerMinute: server.unauthenticatedPerMinute,
    corsOrigins: server.corsOrigins
  }
}

/** null: not wanted, or the folder is another gateway's, which does not keep this one from answering. */
function openBatches ({ batches, accounts }: GatewayConfig, { store, live, logger }: { store: AccountStore, live: LiveConfig, logger: Logger }): BatchDependencies | null {
  const { directory, concurrency, maxFileBytes, maxFilesPerKey, maxBytesPerKey } = batches
  if (directory === null) return null
  const prices = configuredPrices(accounts)
  try {
    return {
      stores: openBatchStores(directory),
      findCaller: createCallerFinder(() => live.current.access.keyHashes, store),
      concurrency,
      maxFileBytes,
      maxFiles: maxFilesPerKey,
      maxBytesPerKey,
      isOffPeak: nowMs => !isPeak(prices, nowMs)
    }
  } catch (error) {
    if (!(error instanceof StoreUnavailableError)) throw error
    logger.warn({ err: error }, `batches.directory ${directory} cannot be used, perhaps another gateway has it: no files or batches here`)
    return null
  }
}

async function openTelemetry ({ telemetry: { keptDecisions, recordsContent, traces } }: GatewayConfig, version: string): Promise<Telemetry> {
  const { endpoint, sampleShare } = traces
  const tracer = endpoint === null ? null : (await import('./telemetry/create-tracer.js')).createTracer({ version, endpoint, sampleShare })
  return new Telemetry({ tracer, keptDecisions, recordsContent, includesProcess: true })
}

/** Two gateways on one machine must both start; whoever scrapes them gives each a port. */
async function listenForOperator (admin: FastifyInstance, { admin: { host, port } }: GatewayConfig, logger: Logger): Promise<string> {
  try {
    return await admin.listen({ host, port })
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EADDRINUSE')) throw error
    const address = await admin.listen({ host, port: 0 })
    logger.warn({ address }, `admin.port ${port} is taken, the operator's port is another`)
    return address
  }
}

function openSamples ({ calibration: { path, maxBytes } }: GatewayConfig, logger: Logger): SampleLog | null {
  return path === null ? null : new SampleLog({ path, maxBytes, onError: error => { logger.warn({ err: error }, 'calibration: samples of answers could not be written') } })
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
