/** A request the host refuses; becomes a Refusal body. Codes are the worker's own, in kebab-case. */
export class HostError extends Error {
  readonly status: 400 | 404 | 409 | 503
  readonly code: string
  readonly path: string | null

  constructor (status: HostError['status'], code: string, message: string, path: string | null = null) {
    super(message)
    this.name = 'HostError'
    this.status = status
    this.code = code
    this.path = path
  }
}
