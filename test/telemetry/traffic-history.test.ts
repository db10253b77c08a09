import fc from 'fast-check'
import t from 'tap'
import { DurationHistogram } from '../../src/telemetry/duration-histogram.js'
import { TrafficHistory } from '../../src/telemetry/traffic-history.js'

const start = Date.UTC(2026, 10, 24, 12)

await t.test('a percentile is off by 7 % at most, whatever was measured', async t => {
  fc.assert(fc.property(fc.array(fc.double({ min: 0.2, max: 1_000_000, noNaN: true }), { minLength: 1, maxLength: 50 }), fc.constantFrom(0.5, 0.95), (values, share) => {
    const histogram = new DurationHistogram()
    for (const value of values) histogram.add(value)
    const exact = values.toSorted((one, other) => one - other)[Math.ceil(values.length * share) - 1] ?? NaN
    const found = histogram.percentile(share) ?? NaN
    return found / exact > 0.925 && found / exact < 1.08
  }))
  t.equal(new DurationHistogram().percentile(0.5), null)
})

await t.test('what happened in a window is in its point, and not before the window is over', async t => {
  let nowMs = start
  const traffic = new TrafficHistory(() => nowMs)
  traffic.firstToken('flash', 100)
  traffic.tokens('flash', 3, null)
  traffic.tokens('flash', 2, 20)
  traffic.tokens('pro', 7, 40)
  traffic.ended('completed', 'flash', 500)
  traffic.ended('failed', null, 5)
  const last = () => traffic.report(1).points.at(-1)
  t.match(last(), { outcomes: { completed: 0, failed: 0 } })
  nowMs += 5000
  t.match(last(), { atMs: start, outcomes: { completed: 1, failed: 1, refused: 0, abandoned: 0 }, tiers: { flash: { generatedTokens: 5, durationMs: { p50: Number } }, pro: { generatedTokens: 7, firstTokenMs: { p50: null, p95: null }, durationMs: { p50: null } } } })
  t.ok(Math.abs((last()?.tiers.flash.firstTokenMs.p50 ?? 0) - 100) < 8)
})

await t.test('an hour is told in wider windows that lose nothing, and nothing older is kept', async t => {
  let nowMs = start
  const traffic = new TrafficHistory(() => nowMs)
  for (let window = 0; window < 2 * 720; window++) {
    traffic.ended('completed', 'pro', 10)
    nowMs += 5000
  }
  const hour = traffic.report(60)
  t.equal(hour.windowSeconds, 20)
  t.equal(hour.points.length, 180)
  t.equal(hour.points.reduce((sum, { outcomes }) => sum + outcomes.completed, 0), 720)
  t.equal(traffic.report(600).points.length, 180, 'no more than is kept')
  t.equal(traffic.report(5).points.length, 60)
  const atMs = traffic.report(5).points.map(point => point.atMs)
  t.ok(atMs.every((value, index) => index === 0 || value - (atMs[index - 1] ?? 0) === 5000))
})
