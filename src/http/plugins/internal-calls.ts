/**
 * Requests that the gateway makes of itself, for a batch: the same path, limits and ledger as if the owner had called, at a
 * lower priority. Each shows a ticket that was made for it a moment ago in this process, and is good once.
 */
import { randomBytes } from 'node:crypto'
import fp from 'fastify-plugin'
import type { Caller } from '../gateway-dependencies.js'

export const ticketHeader = 'x-gearbox-ticket'

export interface InternalCall {
  /** null = nobody: where no keys are asked for. */
  caller: Caller | null
  /** Of the jobs; ordinary ones have 0. */
  priority: number
  /** Aborted when the answer is not wanted any more, as when a client hangs up. */
  signal: AbortSignal
}

declare module 'fastify' {
  interface FastifyRequest {
    /** null = from outside. */
    internalCall: InternalCall | null
  }
}

export class InternalCalls {
  readonly #open = new Map<string, InternalCall>()

  /** @returns the ticket */
  announce (call: InternalCall): string {
    const ticket = randomBytes(24).toString('base64url')
    this.#open.set(ticket, call)
    return ticket
  }

  take (ticket: string): InternalCall | null {
    const call = this.#open.get(ticket) ?? null
    this.#open.delete(ticket)
    return call
  }
}

/** Goes behind the check of keys, which it stands in for. */
export const internalCallsPlugin = fp<{ internalCalls: InternalCalls }>(async (app, { internalCalls }) => {
  app.decorateRequest('internalCall', null)
  app.addHook('onRequest', async (request, reply) => {
    const ticket = request.headers[ticketHeader]
    if (typeof ticket !== 'string') return
    request.internalCall = internalCalls.take(ticket)
    if (request.internalCall === null) return
    request.caller = request.internalCall.caller
    const { signal } = request.internalCall
    const hangUp = (): void => { reply.raw.destroy() }
    signal.addEventListener('abort', hangUp, { once: true })
    reply.raw.once('close', () => { signal.removeEventListener('abort', hangUp) })
    if (signal.aborted) hangUp()
  })
}, { name: 'internal-calls', dependencies: ['api-key'] })
