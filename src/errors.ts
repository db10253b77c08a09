/**
 * Every way to refuse or to fail, one table. A response body for an error is built from here and nowhere else.
 *
 * `type` and `status` follow DeepSeek's and OpenAI's envelopes: official SDKs choose their error class by status and
 * retry 408, 409, 429 and 5xx unless `x-should-retry` says otherwise, so a permanent failure must say so.
 */
interface ErrorRow {
  status: number
  type: string
  /** Whether the same request may succeed later without a change. */
  isRetryable: boolean
  /** What the envelope's `code` says when it is not the name of the row. */
  wireCode?: string
}

export const errorTable = {
  invalid_http: { status: 400, type: 'invalid_request_error', isRetryable: false },
  invalid_json: { status: 400, type: 'invalid_request_error', isRetryable: false },
  invalid_value: { status: 400, type: 'invalid_request_error', isRetryable: false },
  invalid_type: { status: 422, type: 'invalid_request_error', isRetryable: false },
  missing_required_parameter: { status: 400, type: 'invalid_request_error', isRetryable: false },
  unsupported_parameter: { status: 400, type: 'invalid_request_error', isRetryable: false },
  context_length_exceeded: { status: 400, type: 'invalid_request_error', isRetryable: false },
  invalid_api_key: { status: 401, type: 'authentication_error', isRetryable: false },
  /** A body that names an unknown model: DeepSeek's status, OpenAI's code. */
  unsupported_model: { status: 400, type: 'invalid_request_error', isRetryable: false, wireCode: 'model_not_found' },
  insufficient_quota: { status: 402, type: 'insufficient_quota', isRetryable: false },
  cost_ceiling_exceeded: { status: 402, type: 'insufficient_quota', isRetryable: false },
  tier_not_allowed: { status: 403, type: 'permission_error', isRetryable: false },
  /** `previous_response_id` names none that is kept: going on without it would drop the conversation. */
  previous_response_not_found: { status: 400, type: 'invalid_request_error', isRetryable: false },
  response_not_found: { status: 404, type: 'invalid_request_error', isRetryable: false },
  model_not_found: { status: 404, type: 'invalid_request_error', isRetryable: false },
  file_not_found: { status: 404, type: 'invalid_request_error', isRetryable: false },
  batch_not_found: { status: 404, type: 'invalid_request_error', isRetryable: false },
  unknown_path: { status: 404, type: 'invalid_request_error', isRetryable: false },
  method_not_allowed: { status: 405, type: 'invalid_request_error', isRetryable: false },
  request_timeout: { status: 408, type: 'invalid_request_error', isRetryable: true },
  request_too_large: { status: 413, type: 'invalid_request_error', isRetryable: false },
  unsupported_media_type: { status: 415, type: 'invalid_request_error', isRetryable: false },
  rate_limit_exceeded: { status: 429, type: 'rate_limit_error', isRetryable: true },
  /** One request asks for more than a whole minute's limit: waiting does not help. */
  request_exceeds_limit: { status: 429, type: 'rate_limit_error', isRetryable: false },
  headers_too_large: { status: 431, type: 'invalid_request_error', isRetryable: false },
  client_closed_request: { status: 499, type: 'invalid_request_error', isRetryable: false },
  internal_error: { status: 500, type: 'server_error', isRetryable: false },
  worker_failed: { status: 502, type: 'server_error', isRetryable: true },
  worker_stream_broken: { status: 502, type: 'server_error', isRetryable: true },
  no_worker_available: { status: 503, type: 'server_error', isRetryable: true },
  server_draining: { status: 503, type: 'server_error', isRetryable: true },
  /** The store does not answer: for keys and budgets where the operator chose to refuse rather than to let pass, and for kept responses. */
  accounts_unavailable: { status: 503, type: 'server_error', isRetryable: true },
  deadline_exceeded: { status: 504, type: 'server_error', isRetryable: true }
} as const satisfies Record<string, ErrorRow>

export type ErrorCode = keyof typeof errorTable

export interface GatewayErrorDetails {
  /** The request field at fault, as a path like `messages[2].content`. */
  parameter?: string
  retryAfterMs?: number
  cause?: unknown
}

export class GatewayError extends Error {
  readonly code: ErrorCode
  readonly parameter: string | null
  readonly retryAfterMs: number | null

  constructor (code: ErrorCode, message: string, details: GatewayErrorDetails = {}) {
    super(message, { cause: details.cause })
    this.name = 'GatewayError'
    this.code = code
    this.parameter = details.parameter ?? null
    this.retryAfterMs = details.retryAfterMs ?? null
  }

  get status (): number {
    return errorTable[this.code].status
  }

  get isRetryable (): boolean {
    return errorTable[this.code].isRetryable
  }
}

export interface ContextCounts {
  promptTokens: number
  completionTokens: number
  contextTokens: number
}

/** Clients find an overflow by its words, "maximum context length" here and others elsewhere, hence the counts. */
export class ContextLengthError extends GatewayError {
  readonly counts: ContextCounts

  constructor (counts: ContextCounts, parameter: string) {
    const { promptTokens, completionTokens, contextTokens } = counts
    super('context_length_exceeded', `This model's maximum context length is ${contextTokens} tokens. However, you requested ${promptTokens + completionTokens} tokens (${promptTokens} in the messages, ${completionTokens} in the completion). Please reduce the length of the messages or completion.`, { parameter })
    this.counts = counts
  }
}

/** The four keys that OpenAI's schema requires; SDKs print "no body" when `error` is not an object. */
export interface ErrorEnvelope {
  error: { message: string, type: string, param: string | null, code: string }
}

/** The request id is repeated in the text, as DeepSeek does: users paste messages, not headers. */
export function errorEnvelope (error: GatewayError, requestId: string): ErrorEnvelope {
  const row: ErrorRow = errorTable[error.code]
  return {
    error: {
      message: `${error.message} (request_id: ${requestId})`,
      type: row.type,
      param: error.parameter,
      code: row.wireCode ?? error.code
    }
  }
}

/** Anything thrown, as a row of the table. What is not ours is `internal_error` and shows nothing of its message. */
export function toGatewayError (thrown: unknown): GatewayError {
  if (thrown instanceof GatewayError) return thrown
  return new GatewayError('internal_error', 'The server had an error while processing your request', { cause: thrown })
}
