/**
 * Who may use the operator's port. With a secret: whoever sends it as `Authorization: Bearer`. Without one (loopback only):
 * whoever is on this machine, but no web page that runs in a browser here; its requests carry a foreign Host or Origin.
 */
import { timingSafeEqual } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { hashSecret } from '../../accounts/keys.js'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Answered without the secret: the page that asks for it, probes. */
    isPublic?: boolean
  }
}

const loopbackHost = /^(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/i

export const adminGuardPlugin = fp<{ secretHash: string | null }>(async (app, { secretHash }) => {
  app.addHook('onRequest', async (request, reply) => {
    reply.headers({
      'cache-control': 'no-store',
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer'
    })
    // A link to the console, say in a dashboard, is followed from another page; what is public tells nothing.
    if (request.routeOptions.config.isPublic === true) return
    if (isForeignPage(request)) return await reply.code(403).send({ error: { message: 'Requests of other web pages are not answered here' } })
    if (secretHash === null) {
      if (!loopbackHost.test(request.headers.host ?? '')) return await reply.code(403).send({ error: { message: 'Without a secret only loopback names are answered; set GEARBOX_ADMIN_SECRET' } })
    } else if (!isRight(secretOf(request), secretHash)) {
      return await reply.code(401).header('www-authenticate', 'Bearer').send({ error: { message: 'Send the secret of the admin port as Authorization: Bearer' } })
    }
  })
}, { name: 'admin-guard' })

/** A browser says where a page comes from; programs do not. */
function isForeignPage ({ headers }: FastifyRequest): boolean {
  if (headers['sec-fetch-site'] === 'cross-site') return true
  const { origin } = headers
  if (origin === undefined) return false
  return !URL.canParse(origin) || new URL(origin).host !== headers.host
}

function secretOf ({ headers }: FastifyRequest): string {
  return /^Bearer\s+(\S+)\s*$/i.exec(headers.authorization ?? '')?.[1] ?? ''
}

function isRight (secret: string, hash: string): boolean {
  return timingSafeEqual(Buffer.from(hashSecret(secret), 'hex'), Buffer.from(hash, 'hex'))
}
