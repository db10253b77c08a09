import type { Socket } from 'node:net'
import { errorEnvelope, errorTable, GatewayError, type ErrorCode } from '../errors.js'
import { requestIdHeaders, requestIdOf } from './plugins/request-id.js'

const codes: Record<string, ErrorCode> = {
  HPE_HEADER_OVERFLOW: 'headers_too_large',
  ERR_HTTP_REQUEST_TIMEOUT: 'request_timeout'
}

/** Answers bytes that never became a request (bad HTTP, headers too large, a body that stops coming), then hangs up. */
export function answerBrokenConnection (failure: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable || failure.code === 'ECONNRESET') {
    socket.destroy()
    return
  }
  const error = new GatewayError(codes[failure.code ?? ''] ?? 'invalid_http', 'The connection did not carry a complete HTTP request')
  const requestId = requestIdOf({ headers: {} })
  const body = JSON.stringify(errorEnvelope(error, requestId))
  const headers = { ...requestIdHeaders(requestId), 'content-type': 'application/json; charset=utf-8', 'content-length': String(Buffer.byteLength(body)), connection: 'close' }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`)
  socket.end([`HTTP/1.1 ${errorTable[error.code].status} Refused`, ...lines, '', body].join('\r\n'))
}
