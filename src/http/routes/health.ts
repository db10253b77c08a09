/** For probes and people: alive, able to answer, and which version. Needs no key. */
import type { FastifyPluginAsync } from 'fastify'
import type { GatewayDependencies } from '../gateway-dependencies.js'

const operational = { config: { isOperational: true, rateLimit: false } } as const

export const healthRoute: FastifyPluginAsync<{ dependencies: GatewayDependencies }> = async (app, { dependencies }) => {
  const { tiers, version, isDraining, isReady } = dependencies

  app.get('/health', operational, async () => ({ status: 'ok' }))

  // vLLM's clients and cloud probes; the answer is the status.
  for (const method of ['GET', 'POST'] as const) {
    app.route({ method, url: '/ping', ...operational, handler: async (_request, reply) => reply.code(200).send() })
  }

  /** 503 while draining, or while a tier has no worker: a balancer should send the request elsewhere. */
  app.get('/ready', operational, async (_request, reply) => {
    const ready = { pro: isReady('pro'), flash: isReady('flash') }
    const status = isDraining() ? 'draining' : ready.pro && ready.flash ? 'ready' : 'starting'
    return reply.code(status === 'ready' ? 200 : 503).send({ status, tiers: ready })
  })

  app.get('/version', operational, async () => ({
    version,
    checkpoints: { pro: tiers.pro.checkpoint, flash: tiers.flash.checkpoint }
  }))
}
