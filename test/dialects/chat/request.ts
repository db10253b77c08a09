import { parseChatRequest } from '../../../src/dialects/chat/parse-chat-request.js'
import type { ChatRequest } from '../../../src/dialects/chat/chat-request.js'
import { parseRequestBody } from '../../../src/dialects/request-body.js'

export const oneMessage = { model: 'auto', messages: [{ role: 'user', content: 'Hello' }] }

/** A valid request with these fields added or replaced. */
export function chatRequest (fields: Record<string, unknown> = {}): ChatRequest {
  return parseChatRequest(parseRequestBody(JSON.stringify({ ...oneMessage, ...fields })))
}

export function weatherTool (name = 'get_weather'): object {
  return { type: 'function', function: { name, description: 'Weather of a city', parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] } } }
}
