/**
 * What tokens cost, and when: dated rows, never edited, with a peak calendar. Pure.
 *
 * A request is priced at the instant it was admitted, by the store's clock, however long it runs: what was promised
 * when its budget was reserved is what is charged. Cost is rounded once per attempt, half up, to whole nano-dollars.
 * Reasoning tokens are completion tokens; a prompt token whose cache state is unknown is a miss.
 */
import { z } from 'zod'
import { tierSchema, type Tier } from '../../workers/contract/job.js'
import { parsePricePerMillion } from './money.js'

const priceSchema = z.union([z.string(), z.number()])
  .transform((value, context) => {
    try {
      return parsePricePerMillion(String(value))
    } catch (error) {
      context.addIssue({ code: 'custom', message: error instanceof Error ? error.message : String(error) })
      return z.NEVER
    }
  })

/** In configuration: USD per 1M tokens. Parsed: pico-dollars per token. */
export const pricesSchema = z.strictObject({ hit: priceSchema, miss: priceSchema, output: priceSchema })
export type Prices = z.infer<typeof pricesSchema>

/** ISO 8601 with a zone, so that nobody guesses which. */
const instantSchema = z.iso.datetime({ offset: true }).transform(text => Date.parse(text))

export const priceRowSchema = z.strictObject({
  from: instantSchema,
  tier: tierSchema,
  offPeak: pricesSchema,
  /** Absent: one price all day. */
  peak: pricesSchema.optional()
})

export const peakCalendarSchema = z.strictObject({
  from: instantSchema,
  /** [first hour, hour after the last], UTC. */
  hours: z.array(z.tuple([z.int().min(0).max(23), z.int().min(1).max(24)])),
  /** 0 = Sunday, as in Date.getUTCDay. */
  weekdays: z.array(z.int().min(0).max(6)).default([0, 1, 2, 3, 4, 5, 6]),
  /** Wholly off-peak dates, UTC. */
  holidays: z.array(z.iso.date()).default([])
})

export const priceBookSchema = z.strictObject({
  rows: z.array(priceRowSchema).refine(
    rows => tierSchema.options.every(tier => rows.some(row => row.tier === tier)), 'each tier needs a price'
  ),
  calendars: z.array(peakCalendarSchema).default([])
})
export type PriceBook = z.infer<typeof priceBookSchema>
export type PriceBookInput = z.input<typeof priceBookSchema>

export interface PricedUsage {
  promptTokens: number
  /** Of the prompt tokens; null = the engine does not say. */
  cachedTokens: number | null
  completionTokens: number
}

export function isPeak (book: PriceBook, atMs: number): boolean {
  const calendar = newest(book.calendars, atMs)
  if (calendar === undefined) return false
  const at = new Date(atMs)
  return calendar.weekdays.includes(at.getUTCDay()) &&
    !calendar.holidays.includes(at.toISOString().slice(0, 10)) &&
    calendar.hours.some(([from, to]) => at.getUTCHours() >= from && at.getUTCHours() < to)
}

/** Before a tier's first row, the first row holds: a gateway with a wrong clock must still answer. */
export function pricesAt (book: PriceBook, tier: Tier, atMs: number): Prices {
  const rows = book.rows.filter(candidate => candidate.tier === tier).sort((a, b) => a.from - b.from)
  const row = newest(rows, atMs) ?? rows[0]
  if (row === undefined) throw new RangeError(`the price book has no ${tier} tier`)
  return row.peak !== undefined && isPeak(book, atMs) ? row.peak : row.offPeak
}

/** Nano-dollars. */
export function costOf (prices: Prices, usage: PricedUsage): number {
  const hits = Math.min(usage.cachedTokens ?? 0, usage.promptTokens)
  const picoUsd = BigInt(hits) * BigInt(prices.hit) +
    BigInt(usage.promptTokens - hits) * BigInt(prices.miss) +
    BigInt(usage.completionTokens) * BigInt(prices.output)
  return Number((picoUsd + 500n) / 1000n)
}

export const ownHardwareSchema = z.strictObject({
  /** USD per hour of one GPU (or machine). */
  usdPerGpuHour: z.number().min(0),
  gpus: z.number().min(0),
  /** Measured while busy: tokens per second over all of them. */
  missTokensPerSecond: z.number().gt(0),
  hitTokensPerSecond: z.number().gt(0),
  outputTokensPerSecond: z.number().gt(0)
})
export type OwnHardware = z.infer<typeof ownHardwareSchema>

/** The price of a token on hardware of one's own: money per second over tokens per second, rounded to pico-dollars. */
export function ownHardwarePrices ({ usdPerGpuHour, gpus, missTokensPerSecond, hitTokensPerSecond, outputTokensPerSecond }: OwnHardware): Prices {
  const picoUsdPerSecond = usdPerGpuHour * gpus / 3600 * 1e12
  const perToken = (tokensPerSecond: number): number => {
    if (!(tokensPerSecond > 0)) throw new RangeError('tokens per second must be above 0')
    return Math.round(picoUsdPerSecond / tokensPerSecond)
  }
  return { hit: perToken(hitTokensPerSecond), miss: perToken(missTokensPerSecond), output: perToken(outputTokensPerSecond) }
}

function newest<Dated extends { from: number }> (rows: Dated[], atMs: number): Dated | undefined {
  return rows.reduce<Dated | undefined>(
    (best, row) => row.from <= atMs && (best === undefined || row.from >= best.from) ? row : best, undefined
  )
}
