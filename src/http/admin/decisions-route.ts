import type { FastifyPluginAsync } from 'fastify'
import { z } from 'zod'
import type { DecisionLog } from '../../telemetry/decision-log.js'

const querySchema = z.object({
  limit: z.coerce.number().int().min(1).max(1000).default(100),
  outcome: z.enum(['running', 'completed', 'refused', 'abandoned', 'failed']).optional(),
  tier: z.enum(['flash', 'pro']).optional()
})

/** The latest requests without their steps, newest first; and one with all it has. */
export const decisionsRoute: FastifyPluginAsync<{ decisions: DecisionLog }> = async (app, { decisions }) => {
  app.get('/admin/api/decisions', async (request, reply) => {
    const query = querySchema.safeParse(request.query)
    if (!query.success) return await reply.code(400).send({ error: { message: query.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ') } })
    return { decisions: decisions.list(query.data).map(({ steps: _steps, content: _content, ...entry }) => entry) }
  })

  app.get<{ Params: { id: string } }>('/admin/api/decisions/:id', async (request, reply) => {
    const decision = decisions.find(request.params.id)
    if (decision === null) return await reply.code(404).send({ error: { message: 'No request of this id is kept any more' } })
    return decision
  })
}
