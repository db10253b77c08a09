/**
 * The operator's port: metrics, pools, decisions, keys, reload, and the console that shows them. Another listener than the clients', so that it can be bound to
 * loopback or a management network.
 */
import Fastify, { LogController, type FastifyBaseLogger, type FastifyInstance } from 'fastify'
import type { Tier } from '../../../workers/contract/job.js'
import type { ReloadReport } from '../../config/diff-config.js'
import { ConfigError } from '../../config/config-error.js'
import { reportPool, reportWorkers, type PoolSource } from '../../dispatch/pool-report.js'
import type { RegisteredWorkers } from '../../dispatch/registered-workers.js'
import type { WorkerRegistry } from '../../dispatch/worker-registry.js'
import { registerPoolMetrics } from '../../telemetry/pool-metrics.js'
import type { AccountStore } from '../../stores/account-store.js'
import { ForgetfulStore } from '../../stores/forgetful-store.js'
import type { Telemetry } from '../../telemetry/telemetry.js'
import type { ServedCheckpoint } from '../gateway-dependencies.js'
import { adminGuardPlugin } from './admin-guard.js'
import { builtConsole, consoleRoute } from './console-route.js'
import { decisionsRoute } from './decisions-route.js'
import { keysRoute } from './keys-route.js'
import { registrationRoute } from './registration-route.js'
import { playgroundRoute, type FrontDoor } from './playground-route.js'
import { spendRoute } from './spend-route.js'
import { trafficRoute } from './traffic-route.js'

export interface AdminDependencies {
  telemetry: Telemetry
  pools: PoolSource & { registry: Pick<WorkerRegistry, 'list' | 'quarantine' | 'release'> }
  /** Workers that make themselves known; absent = none may. */
  registered?: RegisteredWorkers
  checkpoints: Readonly<Record<Tier, ServedCheckpoint>>
  /** Where keys are kept. */
  store: AccountStore
  /** Where the playground's requests go. */
  frontDoor: FrontDoor
  /** Default: what `npm run build` made. */
  consoleFolder?: string
  /** SHA-256 in hex; null = loopback without a secret. */
  secretHash: string | null
  logger: FastifyBaseLogger
  version: string
  isDraining (): boolean
  /** @throws ConfigError when the new settings are not valid; nothing has changed then */
  reload (): Promise<ReloadReport>
}

const bodyLimitBytes = 64 * 1024

export async function buildAdminApp (dependencies: AdminDependencies): Promise<FastifyInstance> {
  const { telemetry, pools, checkpoints, secretHash, logger, version } = dependencies
  const { registry } = telemetry.metrics
  registerPoolMetrics(registry, pools, { flash: checkpoints.flash.name, pro: checkpoints.pro.name })
  const startedAt = new Date().toISOString()

  const app: FastifyInstance = Fastify({ loggerInstance: logger, logController: new LogController({ disableRequestLogging: true }), bodyLimit: bodyLimitBytes, forceCloseConnections: true })
  await app.register(adminGuardPlugin, { secretHash })

  app.get('/health', { config: { isPublic: true } }, async () => ({ status: 'ok' }))
  app.get('/metrics', async (_request, reply) => await reply.type(registry.contentType).send(await registry.metrics()))

  app.get('/admin/api/overview', async () => ({
    version,
    startedAt,
    uptimeSeconds: Math.round(process.uptime()),
    state: dependencies.isDraining() ? 'draining' : 'serving',
    keepsAccounts: !(dependencies.store instanceof ForgetfulStore),
    asksForKeys: dependencies.frontDoor.asksForKeys,
    checkpoints,
    pools: [reportPool('flash', pools), reportPool('pro', pools)],
    totals: await telemetry.metrics.totals(),
    recent: telemetry.decisions.summary()
  }))
  app.get('/admin/api/workers', async () => ({ workers: reportWorkers(pools) }))
  if (dependencies.registered !== undefined) await app.register(registrationRoute, { registered: dependencies.registered })
  await app.register(decisionsRoute, { decisions: telemetry.decisions })
  await app.register(trafficRoute, { traffic: telemetry.traffic })
  await app.register(keysRoute, { store: dependencies.store })
  await app.register(spendRoute, { store: dependencies.store })
  await app.register(playgroundRoute, { frontDoor: dependencies.frontDoor })
  await app.register(consoleRoute, { folder: dependencies.consoleFolder ?? builtConsole })

  app.post<{ Params: { id: string, verb: string } }>('/admin/api/workers/:id/:verb', async (request, reply) => {
    const { id, verb } = request.params
    if (!pools.registry.list().some(({ workerId }) => workerId === id) || (verb !== 'quarantine' && verb !== 'release')) {
      return await reply.code(404).send({ error: { message: 'Unknown worker or verb; verbs are quarantine and release' } })
    }
    if (verb === 'quarantine') pools.registry.quarantine(id, 'taken out by the operator')
    else pools.registry.release(id)
    return { workers: reportWorkers(pools).filter(({ workerId }) => workerId === id) }
  })

  app.post('/admin/reload', async (_request, reply) => {
    try {
      return await dependencies.reload()
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error
      return await reply.code(422).send({ error: { message: 'The settings are not valid; nothing was changed', faults: error.message.split('\n') } })
    }
  })
  return app
}
