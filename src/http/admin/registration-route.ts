/** Workers come and go by themselves: they show the secret of this port, as everybody here. */
import type { FastifyPluginAsync } from 'fastify'
import { registrationSchema } from '../../../workers/contract/registration.js'
import type { RegisteredWorkers } from '../../dispatch/registered-workers.js'

export const registrationRoute: FastifyPluginAsync<{ registered: RegisteredWorkers }> = async (app, { registered }) => {
  app.post('/admin/api/workers', async (request, reply) => {
    const parsed = registrationSchema.safeParse(request.body)
    if (!parsed.success) {
      const [issue] = parsed.error.issues
      return await reply.code(400).send({ error: { message: `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not a registration'}` } })
    }
    const lease = registered.register(parsed.data)
    if (lease === null) return await reply.code(409).send({ error: { message: `${parsed.data.workerId} is the name of a worker in the settings` } })
    return lease
  })

  app.delete<{ Params: { id: string } }>('/admin/api/workers/:id', async (request, reply) => {
    if (registered.leave(request.params.id)) return await reply.code(204).send()
    return await reply.code(404).send({ error: { message: 'No such worker registered itself' } })
  })
}
