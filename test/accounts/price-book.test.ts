import fc from 'fast-check'
import t from 'tap'
import { listPrices } from '../../src/accounts/list-prices.js'
import { formatUsd, parsePricePerMillion, parseUsd } from '../../src/accounts/money.js'
import { configSchema } from '../../src/config/schema.js'
import { costOf, isPeak, ownHardwarePrices, priceBookSchema, pricesAt } from '../../src/accounts/price-book.js'

const at = (text: string): number => Date.parse(text)

await t.test('money is read and written exactly', async t => {
  t.equal(parsePricePerMillion('0.0028'), 2800)
  t.equal(parsePricePerMillion('0.003625'), 3625)
  t.equal(parsePricePerMillion('3.96'), 3_960_000)
  t.throws(() => parsePricePerMillion('0.0000001'), RangeError)
  for (const wrong of ['', '-1', '1e3', '1.', '.5', 'NaN', '1,5', '9'.repeat(20)]) t.throws(() => parseUsd(wrong), RangeError, wrong)
  t.equal(formatUsd(0), '0.00')
  t.equal(formatUsd(5_000_000_000), '5.00')
  t.equal(formatUsd(1), '0.000000001')
  t.equal(formatUsd(-1_500_000_000n), '-1.50')
  fc.assert(fc.property(fc.maxSafeNat(), nano => parseUsd(formatUsd(nano)) === nano))
})

await t.test('list prices by date and hour', async t => {
  const book = listPrices(configSchema.parse({}).accounts.holidays)
  const table: Array<[string, 'flash' | 'pro', [number, number, number]]> = [
    ['2025-01-01T00:00:00Z', 'flash', [28_000, 140_000, 280_000]], // before the first row: the first row
    ['2026-04-24T12:00:00Z', 'pro', [145_000, 1_740_000, 3_480_000]],
    ['2026-04-26T12:14:59Z', 'flash', [28_000, 140_000, 280_000]],
    ['2026-04-26T12:15:00Z', 'flash', [2800, 140_000, 280_000]],
    ['2026-07-01T02:00:00Z', 'pro', [3625, 435_000, 870_000]], // no peak before August
    ['2026-08-16T15:59:59Z', 'pro', [3625, 435_000, 870_000]],
    ['2026-08-16T16:00:00Z', 'pro', [22_000, 660_000, 1_980_000]],
    ['2026-08-17T01:00:00Z', 'pro', [44_000, 1_320_000, 3_960_000]],
    ['2026-08-17T04:00:00Z', 'pro', [22_000, 660_000, 1_980_000]],
    ['2026-08-22T02:00:00Z', 'flash', [14_000, 440_000, 1_320_000]], // the last Saturday with a peak
    ['2026-08-23T02:00:00Z', 'flash', [7000, 220_000, 660_000]],
    ['2026-09-10T06:00:00Z', 'flash', [6000, 300_000, 1_200_000]],
    ['2026-09-10T10:00:00Z', 'flash', [3000, 150_000, 600_000]],
    ['2026-10-01T02:00:00Z', 'flash', [3000, 150_000, 600_000]] // a holiday on a Thursday
  ]
  for (const [when, tier, [hit, miss, output]] of table) t.same(pricesAt(book, tier, at(when)), { hit, miss, output }, `${tier} ${when}`)
  t.notOk(isPeak(book, at('2026-05-04T02:00:00Z')))
  t.ok(isPeak(listPrices([]), at('2026-10-01T02:00:00Z')), 'holidays are a setting')
  t.ok(isPeak(listPrices(['2026-10-02']), at('2026-10-01T02:00:00Z')))
})

await t.test('the whole is rounded once, half up', async t => {
  const prices = { hit: 2800, miss: 140_000, output: 280_000 }
  t.equal(costOf(prices, { promptTokens: 1, cachedTokens: 1, completionTokens: 0 }), 3) // 2.8 nano-dollars
  t.equal(costOf(prices, { promptTokens: 1000, cachedTokens: 1000, completionTokens: 0 }), 2800)
  t.equal(costOf({ hit: 500, miss: 499, output: 0 }, { promptTokens: 1, cachedTokens: 1, completionTokens: 0 }), 1)
  t.equal(costOf({ hit: 500, miss: 499, output: 0 }, { promptTokens: 1, cachedTokens: null, completionTokens: 0 }), 0)
  t.equal(costOf(prices, { promptTokens: 10, cachedTokens: 99, completionTokens: 0 }), 28, 'never more hits than prompt')
  t.equal(costOf({ hit: 44_000, miss: 1_320_000, output: 3_960_000 }, { promptTokens: 1_000_000, cachedTokens: 0, completionTokens: 384_000 }), 2_840_640_000)
})

await t.test('what is expected never costs more than the worst', async () => {
  const prices = fc.record({ hit: fc.nat(1e6), miss: fc.nat(1e6), output: fc.nat(1e7) }).map(row => ({ ...row, miss: row.hit + row.miss }))
  fc.assert(fc.property(prices, fc.nat(1e6), fc.nat(1e6), fc.nat(4e5), fc.nat(4e5), (row, promptTokens, cachedTokens, written, most) =>
    costOf(row, { promptTokens, cachedTokens, completionTokens: Math.min(written, most) }) <= costOf(row, { promptTokens, cachedTokens: 0, completionTokens: most })))
})

await t.test('hardware of one\'s own, as prices', async t => {
  // 8 GPUs at 2.50 USD are 5,555,555,555.6 pico-dollars per second.
  t.same(
    ownHardwarePrices({ usdPerGpuHour: 2.5, gpus: 8, missTokensPerSecond: 20_000, hitTokensPerSecond: 1_000_000, outputTokensPerSecond: 2000 }),
    { hit: 5556, miss: 277_778, output: 2_777_778 }
  )
  t.throws(() => ownHardwarePrices({ usdPerGpuHour: 1, gpus: 1, missTokensPerSecond: 0, hitTokensPerSecond: 1, outputTokensPerSecond: 1 }), RangeError)
})

await t.test('a price book in configuration', async t => {
  const row = { from: '2026-01-01T00:00:00+08:00', offPeak: { hit: 0.0028, miss: 0.14, output: '0.28' } }
  const book = priceBookSchema.parse({ rows: [{ ...row, tier: 'pro' }, { ...row, tier: 'flash' }] })
  t.same(book.rows[0]?.offPeak, { hit: 2800, miss: 140_000, output: 280_000 })
  t.equal(book.rows[0]?.from, at('2025-12-31T16:00:00Z'))
  t.throws(() => priceBookSchema.parse({ rows: [{ ...row, tier: 'pro' }] }), /each tier needs a price/)
  t.throws(() => priceBookSchema.parse({ rows: [{ ...row, tier: 'pro', offPeak: { ...row.offPeak, hit: 1e-9 } }] }), /not an amount/)
  t.throws(() => priceBookSchema.parse({ rows: [{ ...row, tier: 'pro', from: '2026-01-01T00:00:00' }] }), /ISO datetime/i)
})
