/** Responses that callers asked to keep (`store: true`), for retrieval and `previous_response_id`: for a day, each seen by its own key. */
import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { ResponseObject } from '../../dialects/responses/response-object.js'
import { GatewayError } from '../../errors.js'
import type { Message } from '../../language/conversation.js'
import { StoreUnavailableError } from '../../stores/account-store.js'
import type { ResponseLimits, ResponseStore } from '../../stores/response-store.js'
import { ownerOf } from '../owner-of.js'

const limits: ResponseLimits = { ttlMs: 24 * 60 * 60 * 1000, maxCount: 10_000, maxBytes: 64 * 1024 * 1024 }

const text = z.object({ content: z.string() })
const messageSchema: z.ZodType<Message> = z.discriminatedUnion('role', [
  text.extend({ role: z.literal('system') }),
  text.extend({ role: z.literal('latest_reminder') }),
  text.extend({ role: z.literal('user') }),
  text.extend({ role: z.literal('tool'), toolCallId: z.string() }),
  text.extend({
    role: z.literal('assistant'),
    reasoning: z.string().nullable(),
    toolCalls: z.array(z.object({ id: z.string(), name: z.string(), argumentsText: z.string() })),
    isPrefix: z.boolean()
  })
])
const bodySchema = z.object({
  /** As it was sent. */
  response: z.looseObject({ id: z.string() }),
  /** The conversation up to and with the answer, without instructions. */
  messages: z.array(messageSchema)
})
export type StoredResponse = z.infer<typeof bodySchema>

export class KeptResponses {
  readonly #store: ResponseStore

  constructor (store: ResponseStore) {
    this.#store = store
  }

  /** @throws GatewayError accounts_unavailable */
  async find (httpRequest: FastifyRequest, id: string): Promise<StoredResponse | null> {
    const body = await this.#ask(async store => await store.findResponse(id, ownerOf(httpRequest)))
    return body === null ? null : bodySchema.parse(JSON.parse(body))
  }

  /** False when it could not be kept, which costs nobody the answer. */
  async keep (httpRequest: FastifyRequest, { response, messages }: { response: ResponseObject, messages: Message[] }): Promise<boolean> {
    const kept = { id: response.id, owner: ownerOf(httpRequest), body: JSON.stringify({ response, messages }) }
    try {
      return await this.#store.keepResponse(kept, limits)
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error
      httpRequest.log.error({ err: error }, 'a response could not be kept')
      return false
    }
  }

  /** False when there was none. @throws GatewayError accounts_unavailable */
  async forget (httpRequest: FastifyRequest, id: string): Promise<boolean> {
    return await this.#ask(async store => await store.forgetResponse(id, ownerOf(httpRequest)))
  }

  async #ask<Reply> (question: (store: ResponseStore) => Promise<Reply>): Promise<Reply> {
    try {
      return await question(this.#store)
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error
      throw new GatewayError('accounts_unavailable', 'Kept responses cannot be looked up now.', { retryAfterMs: 1000, cause: error })
    }
  }
}
