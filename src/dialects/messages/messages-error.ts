/** A row of the error table as Anthropic's clients know errors: other types, other statuses, other words. */
import { ContextLengthError, type ErrorCode, type GatewayError } from '../../errors.js'

export interface MessagesErrorEnvelope {
  type: 'error'
  error: { type: string, message: string }
  request_id: string
}

/** Where the status differs: Anthropic has no 422, answers 404 to an unknown model, and 529 when it is too busy. */
const statuses: Readonly<Partial<Record<ErrorCode, number>>> = {
  invalid_type: 400,
  unsupported_model: 404,
  no_worker_available: 529,
  server_draining: 529
}

const types: ReadonlyMap<number, string> = new Map([
  [401, 'authentication_error'],
  [402, 'billing_error'],
  [403, 'permission_error'],
  [404, 'not_found_error'],
  [413, 'request_too_large'],
  [429, 'rate_limit_error'],
  [504, 'timeout_error'],
  [529, 'overloaded_error']
])

export function messagesError (error: GatewayError, requestId: string): { status: number, envelope: MessagesErrorEnvelope } {
  const status = statuses[error.code] ?? error.status
  const type = types.get(status) ?? (status < 500 ? 'invalid_request_error' : 'api_error')
  return { status, envelope: { type: 'error', error: { type, message: messageOf(error) }, request_id: requestId } }
}

/** Claude Code finds an overflow by these words, and reads the numbers out of them. */
function messageOf (error: GatewayError): string {
  if (!(error instanceof ContextLengthError)) return error.message
  const { promptTokens, completionTokens, contextTokens } = error.counts
  if (promptTokens >= contextTokens) return `prompt is too long: ${promptTokens} tokens > ${contextTokens} maximum`
  return `input length and \`max_tokens\` exceed context limit: ${promptTokens} + ${completionTokens} > ${contextTokens}, decrease input length or \`max_tokens\` and try again`
}
