import type { IncomingHttpHeaders } from 'node:http'

/**
 * Takes out of a log line whatever this request has shown as a key: people put keys into paths, and error messages quote
 * what they refuse. What looks like a key without being shown as one is the sink's to hide (telemetry/redact-line.ts).
 */
export function hideCredentials<T extends Record<string, unknown>> (fields: T, headers: IncomingHttpHeaders): T {
  const secrets = [headers.authorization?.split(/\s+/).at(-1), headers['x-api-key']].flat().filter(secret => secret !== undefined && secret.length >= shortestSecret)
  if (secrets.length === 0) return fields
  const hide = (value: unknown): unknown => typeof value === 'string'
    ? secrets.reduce<string>((text, secret) => text.replaceAll(secret ?? '', '[redacted]'), value)
    : value
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, hide(value)])) as T
}

/** Shorter ones would take innocent words with them. */
const shortestSecret = 6
