/**
 * Amounts: integer nano-dollars (1e-9 USD). Prices: integer pico-dollars per token (1e-12 USD), because list prices have
 * six decimals per million tokens: 0.003625 USD per 1M tokens is exactly 3,625 pico-dollars per token.
 */

/** @throws RangeError unless the text is a plain decimal, not negative, with at most `decimals` digits after the point */
function parseDecimal (text: string, decimals: number): number {
  const match = /^(\d+)(?:\.(\d+))?$/.exec(text.trim())
  const fraction = match?.[2] ?? ''
  if (match === null || fraction.length > decimals) {
    throw new RangeError(`"${text}" is not an amount of USD with at most ${decimals} decimals`)
  }
  const value = BigInt(`${match[1]}${fraction.padEnd(decimals, '0')}`)
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new RangeError(`"${text}" is too large`)
  return Number(value)
}

/** `"12.5"` → 12_500_000_000. */
export function parseUsd (text: string): number {
  return parseDecimal(text, 9)
}

/** USD per 1M tokens → pico-dollars per token. */
export function parsePricePerMillion (text: string): number {
  return parseDecimal(text, 6)
}

/** 12_500_000_000 → `"12.50"`: exact, at least two decimals. */
export function formatUsd (nanoUsd: number | bigint): string {
  const amount = BigInt(nanoUsd)
  const digits = (amount < 0n ? -amount : amount).toString().padStart(10, '0')
  const fraction = digits.slice(-9).replace(/0{1,7}$/, '')
  return `${amount < 0n ? '-' : ''}${digits.slice(0, -9)}.${fraction}`
}
