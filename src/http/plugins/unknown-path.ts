/**
 * Paths and methods nobody serves. A known path with a wrong method says which methods it has (405, or 204 to
 * OPTIONS); everything else is one clean 404.
 */
import fp from 'fastify-plugin'
import { GatewayError } from '../../errors.js'

export const unknownPathPlugin = fp(async app => {
  const methodsByPath = new Map<string, Set<string>>()
  app.addHook('onRoute', route => {
    const methods = methodsByPath.get(route.url) ?? new Set()
    for (const method of [route.method].flat()) methods.add(method)
    methodsByPath.set(route.url, methods)
  })

  function methodsOf (url: string): string[] {
    const path = url.split('?', 1)[0]?.replace(/\/+$/, '') ?? ''
    const found = [...methodsByPath].find(([route]) => isServedBy(route, path))
    return found === undefined ? [] : [...found[1], 'OPTIONS']
  }

  app.setNotFoundHandler({ preHandler: app.rateLimit() }, async (request, reply) => {
    const methods = methodsOf(request.url)
    if (methods.length === 0) {
      throw new GatewayError('unknown_path', `Unknown path: ${request.method} ${request.url.split('?', 1)[0]?.slice(0, 200)}`)
    }
    reply.header('allow', methods.join(', '))
    if (request.method === 'OPTIONS') return reply.code(204).send()
    throw new GatewayError('method_not_allowed', `${request.method} is not allowed here, only ${methods.join(', ')}`)
  })
}, { name: 'unknown-path', dependencies: ['rate-limit'] })

function isServedBy (route: string, path: string): boolean {
  if (route.endsWith('*')) return path.startsWith(route.slice(0, -1))
  const steps = path.split('/')
  const places = route.split('/')
  return steps.length === places.length && places.every((place, index) => place.startsWith(':') || place === steps[index])
}
