import type { IncomingHttpHeaders } from 'node:http'

/** Paths that only Anthropic's clients call. */
const anthropicPath = /^\/(anthropic\/|v1\/messages(\/|\?|$))/
/** Paths that both vendors' clients call. */
const sharedPath = /^\/v1\/models(\/|\?|$)/

/** Whether this client reads errors (and lists of models) in Anthropic's shapes. */
export function speaksAnthropic ({ url, headers }: { url: string, headers: IncomingHttpHeaders }): boolean {
  return anthropicPath.test(url) || (sharedPath.test(url) && headers['anthropic-version'] !== undefined)
}
