/**
 * DeepSeek's list prices, USD per 1M tokens, as announced in 2026; the default price book.
 *
 * Peak is 09–12 and 14–18 in Beijing, which is the same calendar day in UTC. Since 23 August weekends are off-peak;
 * Chinese public holidays are too, which are announced each November for the year after: a setting (accounts.holidays).
 */
import { priceBookSchema, type PriceBook, type PriceBookInput } from './price-book.js'

const peakHours: Array<[number, number]> = [[1, 4], [6, 10]]

const rows: PriceBookInput['rows'] = [
  { from: '2026-04-24T00:00:00Z', tier: 'flash', offPeak: { hit: '0.028', miss: '0.14', output: '0.28' } },
  { from: '2026-04-24T00:00:00Z', tier: 'pro', offPeak: { hit: '0.145', miss: '1.74', output: '3.48' } },
  { from: '2026-04-25T00:00:00Z', tier: 'pro', offPeak: { hit: '0.03625', miss: '0.435', output: '0.87' } },
  { from: '2026-04-26T12:15:00Z', tier: 'flash', offPeak: { hit: '0.0028', miss: '0.14', output: '0.28' } },
  { from: '2026-04-26T12:15:00Z', tier: 'pro', offPeak: { hit: '0.003625', miss: '0.435', output: '0.87' } },
  {
    from: '2026-08-16T16:00:00Z',
    tier: 'flash',
    offPeak: { hit: '0.007', miss: '0.22', output: '0.66' },
    peak: { hit: '0.014', miss: '0.44', output: '1.32' }
  },
  {
    from: '2026-08-16T16:00:00Z',
    tier: 'pro',
    offPeak: { hit: '0.022', miss: '0.66', output: '1.98' },
    peak: { hit: '0.044', miss: '1.32', output: '3.96' }
  },
  {
    from: '2026-09-10T00:00:00Z',
    tier: 'flash',
    offPeak: { hit: '0.003', miss: '0.15', output: '0.60' },
    peak: { hit: '0.006', miss: '0.30', output: '1.20' }
  }
]

/** `holidays`: wholly off-peak dates, as 2026-10-01. */
export function listPrices (holidays: readonly string[]): PriceBook {
  return priceBookSchema.parse({
    rows,
    calendars: [
      { from: '2026-08-16T16:00:00Z', hours: peakHours },
      { from: '2026-08-22T16:00:00Z', hours: peakHours, weekdays: [1, 2, 3, 4, 5], holidays }
    ]
  })
}
