import type { FastifyPluginAsync } from 'fastify'
import { z } from 'zod'
import type { TrafficHistory } from '../../telemetry/traffic-history.js'

const querySchema = z.object({ minutes: z.coerce.number().int().min(1).max(60).default(15) })

/** The last minutes in windows of some seconds, for charts. */
export const trafficRoute: FastifyPluginAsync<{ traffic: TrafficHistory }> = async (app, { traffic }) => {
  app.get('/admin/api/traffic', async (request, reply) => {
    const query = querySchema.safeParse(request.query)
    if (!query.success) return await reply.code(400).send({ error: { message: 'minutes must be a whole number from 1 to 60' } })
    return traffic.report(query.data.minutes)
  })
}
