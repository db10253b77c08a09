import { redactLine } from './redact-line.js'

type Headers = Readonly<Record<string, string | string[] | undefined>>

/** Shorter ones would take innocent words with them. */
const shortestSecret = 6

/**
 * Takes out of a text whatever its request has shown as a key (people put keys into paths, and error messages quote what they
 * refuse), and what looks like one.
 */
export function hideCredentials (text: string, headers: Headers): string {
  const shown = [headers['authorization'], headers['x-api-key']].flat().flatMap(value => value?.split(/\s+/).at(-1) ?? [])
  return shown.filter(secret => secret.length >= shortestSecret).reduce((hidden, secret) => hidden.replaceAll(secret, '[redacted]'), redactLine(text))
}
