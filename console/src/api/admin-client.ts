/** Questions to the admin API, with the secret when there is one. */
import { refused, sessionState } from './session.js'

export class ApiError extends Error {
  override readonly name = 'ApiError'
  /** HTTP status; 0 = no answer came. */
  readonly status: number

  constructor (status: number, message: string) {
    super(message)
    this.status = status
  }
}

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH'

export interface Question {
  method?: Method
  body?: object
  headers?: Record<string, string>
  signal?: AbortSignal
}

/** @throws ApiError when no answer comes, or one that is no success; AbortError when the signal aborts */
export async function ask<T> (path: string, question: Question = {}): Promise<T> {
  const response = await askFor(path, question)
  return await response.json() as T
}

/** The same, for an answer that is read as it comes. */
export async function askFor (path: string, { method = 'GET', body, headers = {}, signal }: Question = {}): Promise<Response> {
  const { secret } = sessionState()
  const response = await send(`/admin/api/${path}`, {
    method,
    headers: {
      ...headers,
      ...(secret === null ? {} : { authorization: `Bearer ${secret}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' })
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    ...(signal === undefined ? {} : { signal })
  })
  if (response.ok) return response
  // The front door's own 401, about a key, comes through the playground.
  if (response.status === 401 && response.headers.has('www-authenticate')) refused(secret)
  throw new ApiError(response.status, messageOf(await response.text(), response.status))
}

async function send (url: string, options: RequestInit): Promise<Response> {
  try {
    return await fetch(url, options)
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error
    throw new ApiError(0, 'The gateway does not answer on this port.')
  }
}

function messageOf (text: string, status: number): string {
  try {
    const { error } = JSON.parse(text) as { error?: { message?: string } }
    if (typeof error?.message === 'string') return error.message
  } catch {}
  return text.slice(0, 300) || `The answer was status ${status}.`
}
