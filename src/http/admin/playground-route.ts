/**
 * The console's way to the front door. The browser speaks to this port only; this process passes the request on to its own front
 * door with the key that the operator typed. So the front door needs no CORS, the page needs no other address in its
 * content security policy, and a playground request is refused, limited, priced and logged like any other.
 */
import { Readable } from 'node:stream'
import type { ReadableStream } from 'node:stream/web'
import type { FastifyPluginAsync } from 'fastify'

export interface FrontDoor {
  /** As `http://127.0.0.1:8080`; null until it listens. */
  address (): string | null
  asksForKeys: boolean
}

const bodyLimitBytes = 4 * 1024 * 1024
const returnedHeader = /^(content-type|retry-after|x-request-id|x-gearbox-.+)$/

/** One fixed path of one fixed address: nothing that the page says becomes part of where this goes. */
export const playgroundRoute: FastifyPluginAsync<{ frontDoor: FrontDoor }> = async (app, { frontDoor }) => {
  app.post('/admin/api/playground/chat', { bodyLimit: bodyLimitBytes }, async (request, reply) => {
    const address = frontDoor.address()
    if (address === null) return await reply.code(503).send({ error: { message: 'The front door does not listen yet' } })
    const key = request.headers['x-playground-key']
    const gone = new AbortController()
    reply.raw.on('close', () => { gone.abort() })
    const answer = await fetch(`${address}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(typeof key === 'string' && key !== '' ? { authorization: `Bearer ${key}` } : {}) },
      body: JSON.stringify(request.body),
      signal: gone.signal
    })
    for (const [name, value] of answer.headers) if (returnedHeader.test(name)) reply.header(name, value)
    return await reply.code(answer.status).send(answer.body === null ? '' : Readable.fromWeb(answer.body as ReadableStream))
  })
}
