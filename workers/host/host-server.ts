/** The worker's HTTP routes (contract: workers/contract/control.ts), on a unix socket or a TCP port. */
import { existsSync, rmSync } from 'node:fs'
import { createConnection } from 'node:net'
import fastify, { LogController, type FastifyBaseLogger, type FastifyInstance } from 'fastify'
import { abortRequestSchema, drainRequestSchema, type DrainReport, type Refusal } from '../contract/control.js'
import { traceContext, traceHeadersOf } from '../engines/remote/trace-context.js'
import { EventStream } from './event-stream.js'
import { HostError } from './host-error.js'
import type { WorkerHost } from './worker-host.js'

export type ListenAddress = { socketPath: string } | { host: string, port: number }

/** A job of a million tokens is some 8 MB of digits. */
const bodyLimitBytes = 64 * 1024 * 1024

export function createHostServer (host: WorkerHost, logger: FastifyBaseLogger): FastifyInstance {
  const server = fastify({
    loggerInstance: logger,
    // Probes come every second; a job is logged once, when it ends.
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: bodyLimitBytes,
    forceCloseConnections: true
  })

  server.get('/live', async () => host.readiness())
  server.get('/ready', async (_request, reply) => {
    const readiness = host.readiness()
    return await reply.code(readiness.state === 'ready' ? 200 : 503).send(readiness)
  })
  server.get('/v1/describe', async () => host.describe())
  server.get('/v1/load', async () => host.load())

  server.post('/v1/abort', async request => {
    const { requestIds, upToAttempt = Infinity } = parseBody(abortRequestSchema, request.body)
    return { abortedJobs: host.jobs.abort(requestIds, upToAttempt) }
  })
  server.post('/v1/drain', async (request): Promise<DrainReport> => {
    return { abortedJobs: await host.drain(parseBody(drainRequestSchema, request.body).budgetMs) }
  })

  server.post('/v1/generate', async (request, reply) => {
    const { job, events } = host.accept(request.body)
    const trace = traceHeadersOf(request.headers)
    const log = request.log.child({ requestId: job.requestId, attempt: job.attempt, ...trace })
    reply.hijack()
    // Fires for a reader that left as well as after a proper end, when aborting does nothing.
    reply.raw.on('close', () => job.abort())
    if (reply.raw.destroyed) job.abort()
    const stream = new EventStream(reply.raw, () => {
      log.warn('the reader fell too far behind')
      job.abort()
    })
    await traceContext.run(trace, async () => {
      for await (const event of events) {
        if (event.type === 'done' || event.type === 'fail') log.info({ event }, 'job ended')
        stream.write(event)
      }
    })
    stream.end()
  })

  server.setNotFoundHandler(async (request, reply) => {
    return await reply.code(404).send(refusal('unknown-path', `nothing is at ${request.method} ${request.url}`, null))
  })
  server.setErrorHandler(async (error: unknown, request, reply) => {
    if (error instanceof HostError) return await reply.code(error.status).send(refusal(error.code, error.message, error.path))
    const status = error instanceof Error && 'statusCode' in error && typeof error.statusCode === 'number' ? error.statusCode : 500
    const message = error instanceof Error ? error.message : String(error)
    if (status >= 500) request.log.error({ err: error }, 'request failed')
    return await reply.code(status).send(refusal(status < 500 ? 'bad-request' : 'internal-error', message, null))
  })
  return server
}

/** @returns the address as a URL, `unix:/path` for a socket */
export async function listenAt (server: FastifyInstance, address: ListenAddress): Promise<string> {
  if (!('socketPath' in address)) return await server.listen(address)
  // A worker that was killed leaves its socket behind; one that answers is another's.
  if (existsSync(address.socketPath) && !await isAnswered(address.socketPath)) rmSync(address.socketPath, { force: true })
  await server.listen({ path: address.socketPath })
  return `unix:${address.socketPath}`
}

async function isAnswered (socketPath: string): Promise<boolean> {
  return await new Promise(resolve => {
    const connection = createConnection(socketPath)
    connection.once('error', () => { resolve(false) })
    connection.once('connect', () => {
      connection.destroy()
      resolve(true)
    })
  })
}

function refusal (code: string, message: string, path: string | null): Refusal {
  return { error: { code, message, path } }
}

function parseBody<T> (schema: { safeParse: (body: unknown) => { success: true, data: T } | { success: false, error: { issues: Array<{ message: string, path: PropertyKey[] }> } } }, body: unknown): T {
  const parsed = schema.safeParse(body)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  throw new HostError(400, 'bad-request', issue?.message ?? 'not understood', issue?.path.join('.') ?? null)
}
