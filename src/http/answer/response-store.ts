/**
 * Responses that callers asked to keep (`store: true`), for retrieval and `previous_response_id`. The interface is
 * asynchronous for stores to come that outlive the process and are shared by many gateways; this one is neither: it is
 * bounded in number, text and time, and a restart forgets it.
 */
import type { Message } from '../../language/conversation.js'
import type { ResponseObject } from '../../dialects/responses/response-object.js'

export interface StoredResponse {
  /** Whose it is; others do not find it. null on a gateway without keys. */
  keyId: string | null
  response: ResponseObject
  /** The conversation up to and with the answer, without instructions. */
  messages: Message[]
}

export interface ResponseStore {
  get (id: string, keyId: string | null): Promise<StoredResponse | null>
  set (stored: StoredResponse): Promise<void>
  /** False when there was none. */
  delete (id: string, keyId: string | null): Promise<boolean>
}

export interface ResponseStoreLimits {
  maxResponses: number
  /** Over all that is kept, in UTF-16 code units of JSON. */
  maxCharacters: number
  maxAgeMs: number
}

interface Entry {
  stored: StoredResponse
  size: number
  expiresAtMs: number
}

export function createResponseStore ({ maxResponses, maxCharacters, maxAgeMs }: ResponseStoreLimits, now: () => number = Date.now): ResponseStore {
  const entries = new Map<string, Entry>()
  let characters = 0

  function forget (id: string): void {
    characters -= entries.get(id)?.size ?? 0
    entries.delete(id)
  }

  /** The map is in order of age, since all live equally long. */
  function forgetOld (): void {
    for (const [id, { expiresAtMs }] of entries) {
      if (expiresAtMs > now() && entries.size <= maxResponses && characters <= maxCharacters) return
      forget(id)
    }
  }

  function find (id: string, keyId: string | null): StoredResponse | null {
    forgetOld()
    const stored = entries.get(id)?.stored
    return stored?.keyId === keyId ? stored : null
  }

  return {
    get: async (id, keyId) => find(id, keyId),
    async set (stored) {
      const { id } = stored.response
      forget(id)
      const size = JSON.stringify(stored).length
      if (size > maxCharacters) return
      entries.set(id, { stored, size, expiresAtMs: now() + maxAgeMs })
      characters += size
      forgetOld()
    },
    async delete (id, keyId) {
      const isFound = find(id, keyId) !== null
      if (isFound) forget(id)
      return isFound
    }
  }
}
