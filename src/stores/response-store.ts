/** Responses that callers asked to keep (`store: true`), known to all gateways of a store until they expire or their owner has too many. */

export interface KeptResponse {
  id: string
  /** The key that may see it; empty where no keys are asked for. */
  owner: string
  /** JSON. */
  body: string
}

/** Of one owner. The oldest make room for the newest. */
export interface ResponseLimits {
  ttlMs: number
  maxCount: number
  /** Together, in bytes of UTF-8. */
  maxBytes: number
}

export interface ResponseStore {
  /** False: it alone is larger than `maxBytes`; nothing has changed then. */
  keepResponse (response: KeptResponse, limits: ResponseLimits): Promise<boolean>
  /** The body. */
  findResponse (id: string, owner: string): Promise<string | null>
  /** False when there was none. */
  forgetResponse (id: string, owner: string): Promise<boolean>
}
