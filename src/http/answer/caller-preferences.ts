import type { IncomingHttpHeaders } from 'node:http'
import type { Tier } from '../../../workers/contract/job.js'
import { parseUsd } from '../../accounts/money.js'
import { GatewayError } from '../../errors.js'
import { highestPriority, lowestPriority } from '../../policy/choose-priority.js'
import { effortWords, isEffortWord, type EffortWord } from '../../policy/effort-word.js'

export interface CallerPreferences {
  tier: Tier | null
  effort: EffortWord | null
  /** Nano-dollars. */
  maxNanoUsd: number | null
  /** lowestPriority to highestPriority, before the key's cap. */
  priority: number | null
  /** A name of the caller's own for what belongs together. */
  session: string | null
}

/**
 * What a caller says beside the body, for clients whose body cannot be changed.
 *
 * @throws GatewayError invalid_value
 */
export function callerPreferences (headers: IncomingHttpHeaders): CallerPreferences {
  const tier = wordOf(headers['x-gearbox-tier'])
  const effort = wordOf(headers['x-gearbox-effort'])
  if (tier !== null && tier !== 'pro' && tier !== 'flash' && tier !== 'auto') throw refusal('x-gearbox-tier', ['pro', 'flash', 'auto'])
  if (effort !== null && !isEffortWord(effort)) throw refusal('x-gearbox-effort', effortWords)
  return { tier: tier === 'auto' ? null : tier, effort, maxNanoUsd: usdOf(headers['x-gearbox-max-cost-usd']), priority: priorityOf(headers['x-gearbox-priority']), session: sessionOf(headers['x-gearbox-session']) }
}

function usdOf (header: string | string[] | undefined): number | null {
  const text = wordOf(header)
  if (text === null) return null
  try {
    return parseUsd(text)
  } catch {
    throw new GatewayError('invalid_value', 'The header x-gearbox-max-cost-usd must be an amount of USD such as 0.25', { parameter: 'x-gearbox-max-cost-usd' })
  }
}

function priorityOf (header: string | string[] | undefined): number | null {
  const text = wordOf(header)
  if (text === null) return null
  const priority = /^[+-]?\d{1,3}$/.test(text) ? Number(text) : NaN
  if (priority >= lowestPriority && priority <= highestPriority) return priority
  throw new GatewayError('invalid_value', `The header x-gearbox-priority must be a whole number from ${lowestPriority} to ${highestPriority}; higher goes first, 0 is usual`, { parameter: 'x-gearbox-priority' })
}

const longestSession = 256

function sessionOf (header: string | string[] | undefined): string | null {
  const session = (Array.isArray(header) ? header[0] : header)?.trim() ?? ''
  if (session.length > longestSession) throw new GatewayError('invalid_value', `The header x-gearbox-session must not be longer than ${longestSession} characters`, { parameter: 'x-gearbox-session' })
  return session === '' ? null : session
}

function wordOf (header: string | string[] | undefined): string | null {
  const word = (Array.isArray(header) ? header[0] : header)?.trim().toLowerCase()
  return word === undefined || word === '' ? null : word
}

function refusal (header: string, words: readonly string[]): GatewayError {
  return new GatewayError('invalid_value', `The header ${header} must be one of ${words.join(', ')}`, { parameter: header })
}
