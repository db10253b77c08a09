/** The client's end of a response, once we write to it ourselves. */
import type { OutgoingHttpHeaders, ServerResponse } from 'node:http'
import type { FastifyReply } from 'fastify'
import { GatewayError } from '../../errors.js'

/**
 * Aborted when the client hangs up before its answer is complete (work for nobody must stop), or with the reason of
 * `stopping` when the gateway cannot wait any longer.
 */
export function abortWhenClientLeaves (response: ServerResponse, stopping: AbortSignal | null): AbortSignal {
  const controller = new AbortController()
  const stop = () => controller.abort(stopping?.reason)
  const leave = () => {
    stopping?.removeEventListener('abort', stop)
    if (!response.writableFinished) controller.abort(new GatewayError('client_closed_request', 'The client closed the connection'))
  }
  stopping?.addEventListener('abort', stop)
  if (stopping?.aborted === true) stop()
  if (response.closed) leave()
  else response.once('close', leave)
  return controller.signal
}

/** Takes the response over from Fastify and commits to status 200. */
export function commit (reply: FastifyReply, headers: Record<string, string>): ServerResponse {
  reply.headers(headers)
  reply.hijack()
  reply.raw.writeHead(200, reply.getHeaders() as OutgoingHttpHeaders)
  return reply.raw
}

/**
 * Writes, and waits while the client is behind: what it does not read must not pile up here.
 *
 * @throws GatewayError client_closed_request when it reads nothing for `stalledClientMs`, or leaves
 */
export async function writeAtClientsPace (response: ServerResponse, text: string, stalledClientMs: number): Promise<void> {
  if (response.destroyed) throw new GatewayError('client_closed_request', 'The client closed the connection')
  if (response.write(text)) return
  await new Promise<void>((resolve, reject) => {
    const settle = () => {
      clearTimeout(timer)
      response.off('drain', settle).off('close', settle)
      if (response.destroyed) reject(new GatewayError('client_closed_request', 'The client closed the connection'))
      else resolve()
    }
    const timer = setTimeout(() => response.destroy(), stalledClientMs)
    response.once('drain', settle).once('close', settle)
  })
}
