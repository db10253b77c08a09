/**
 * The operator's page, as static files that `npm run build` put into dist/console. The page itself is no secret: it asks for
 * the port's secret and sends it with every question to the admin API.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { extname, join } from 'node:path'
import type { FastifyPluginAsync, FastifyReply } from 'fastify'

/** This file runs as dist/src/http/admin/console-route.js. */
export const builtConsole = join(import.meta.dirname, '../../../console')

/** Its own files and the admin API, nothing else: no inline script or style, no other address, no frame around it. */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'"
].join('; ')

const mediaTypes: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml'
}

const notBuilt = `The console is not built here: this is an install without development packages.

  from a checkout:   npm ci && npm run build
  in a container:    the Dockerfile builds it

What it shows is at /metrics and under /admin/api; see docs/operations.md.
`

interface ConsoleFile {
  type: string
  bytes: Buffer
}

/** @throws nothing: a folder that is not there is a console that is not built */
export const consoleRoute: FastifyPluginAsync<{ folder: string }> = async (app, { folder }) => {
  // Read once: a path that is asked for is looked up here, and never becomes a path of the file system.
  const files = readConsole(folder)
  app.get('/console', { config: { isPublic: true } }, async (_request, reply) => files.size === 0
    ? await reply.code(404).type('text/plain; charset=utf-8').send(notBuilt)
    : await reply.redirect('/console/'))
  app.get<{ Params: { '*': string } }>('/console/*', { config: { isPublic: true } }, async (request, reply) => {
    const path = request.params['*'] === '' ? 'index.html' : request.params['*']
    const file = files.get(path)
    if (file !== undefined) return await sendFile(reply, path, file)
    return await reply.code(404).type('text/plain; charset=utf-8').send(files.size === 0 ? notBuilt : 'There is no such file.\n')
  })
}

async function sendFile (reply: FastifyReply, path: string, { type, bytes }: ConsoleFile): Promise<FastifyReply> {
  return await reply.headers({
    'content-security-policy': contentSecurityPolicy,
    'cross-origin-opener-policy': 'same-origin',
    // Names of assets change with what is in them.
    'cache-control': path.startsWith('assets/') ? 'public, max-age=31536000, immutable' : 'no-cache'
  }).type(type).send(bytes)
}

function readConsole (folder: string): Map<string, ConsoleFile> {
  try {
    const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    return new Map(paths.flatMap(path => {
      const type = mediaTypes[extname(path)]
      return type === undefined ? [] : [[path.replaceAll('\\', '/'), { type, bytes: readFileSync(join(folder, path)) }]]
    }))
  } catch {
    return new Map()
  }
}
