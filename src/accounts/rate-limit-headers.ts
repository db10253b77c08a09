/** Response headers about rates, under the names OpenAI's and Anthropic's SDKs know. Pure. */
import type { RateFigure, RateFigures } from './limits.js'

/**
 * `x-ratelimit-{limit,remaining,reset}-{requests,tokens,input-tokens,output-tokens}`; `tokens` is whichever of input and
 * output has the smaller share left. Resets are durations such as `12ms` or `1m30s`. Only limits that exist are named.
 */
export function openAiRateHeaders (rates: RateFigures): Record<string, string> {
  const headers: Record<string, string> = {}
  const add = (name: string, figure: RateFigure | null): void => {
    if (figure === null) return
    headers[`x-ratelimit-limit-${name}`] = String(figure.limit)
    headers[`x-ratelimit-remaining-${name}`] = String(figure.remaining)
    headers[`x-ratelimit-reset-${name}`] = formatDuration(figure.resetMs)
  }
  add('requests', rates.requests)
  add('tokens', scarcer(rates.inputTokens, rates.outputTokens))
  add('input-tokens', rates.inputTokens)
  add('output-tokens', rates.outputTokens)
  return headers
}

/** `anthropic-ratelimit-{requests,tokens,input-tokens,output-tokens}-{limit,remaining,reset}`; resets are RFC 3339 instants. */
export function anthropicRateHeaders (rates: RateFigures, nowMs: number): Record<string, string> {
  const headers: Record<string, string> = {}
  const add = (name: string, figure: RateFigure | null): void => {
    if (figure === null) return
    headers[`anthropic-ratelimit-${name}-limit`] = String(figure.limit)
    headers[`anthropic-ratelimit-${name}-remaining`] = String(figure.remaining)
    headers[`anthropic-ratelimit-${name}-reset`] = new Date(nowMs + figure.resetMs).toISOString()
  }
  add('requests', rates.requests)
  add('tokens', scarcer(rates.inputTokens, rates.outputTokens))
  add('input-tokens', rates.inputTokens)
  add('output-tokens', rates.outputTokens)
  return headers
}

export function formatDuration (ms: number): string {
  if (ms < 1000) return `${Math.max(0, Math.ceil(ms))}ms`
  const seconds = Math.ceil(ms / 1000)
  const minutes = Math.floor(seconds / 60)
  return minutes === 0 ? `${seconds}s` : `${minutes}m${seconds % 60}s`
}

function scarcer (a: RateFigure | null, b: RateFigure | null): RateFigure | null {
  if (a === null || b === null) return a ?? b
  return a.remaining / a.limit <= b.remaining / b.limit ? a : b
}
