import fc from 'fast-check'
import t from 'tap'
import { CliInputError } from '../../src/cli/cli-input-error.js'
import { runCalibrate } from '../../src/cli/calibrate.js'
import { calibrate, thresholdForShare } from '../../src/policy/calibrate.js'
import { runCommand } from '../cli/run-command.js'

const judged = (...pairs: Array<[meanLogprob: number, wasGood: boolean]>) => pairs.map(([meanLogprob, wasGood]) => ({ meanLogprob, wasGood }))

await t.test('the lowest threshold above which enough answers are good', async t => {
  const answers = judged([-0.1, true], [-0.2, true], [-0.3, false], [-0.4, true], [-0.9, false])
  t.strictSame(calibrate(answers, 1), { minMeanLogprob: -0.2, keptShare: 0.4, goodShare: 1 })
  t.strictSame(calibrate(answers, 0.75), { minMeanLogprob: -0.4, keptShare: 0.8, goodShare: 0.75 })
  t.strictSame(calibrate(answers, 0.5), { minMeanLogprob: -0.9, keptShare: 1, goodShare: 0.6 })
  t.strictSame(calibrate(judged([-0.1, false], [-0.2, true]), 0.9), { minMeanLogprob: null, keptShare: 0, goodShare: 0 })
  t.strictSame(calibrate(judged([-0.1, true], [-0.1, false]), 0.9), { minMeanLogprob: null, keptShare: 0, goodShare: 0 }, 'equals are not told apart')
})

await t.test('it holds on the answers it was made from, and no lower one does', async () => {
  const answers = fc.array(fc.record({ meanLogprob: fc.integer({ min: -20, max: 0 }).map(tenths => tenths / 10), wasGood: fc.boolean() }), { maxLength: 60 })
  fc.assert(fc.property(answers, fc.constantFrom(0.5, 0.8, 1), (given, target) => {
    const goodShare = (threshold: number): number => {
      const kept = given.filter(({ meanLogprob }) => meanLogprob >= threshold)
      return kept.length === 0 ? 0 : kept.filter(({ wasGood }) => wasGood).length / kept.length
    }
    const { minMeanLogprob } = calibrate(given, target)
    const best = minMeanLogprob ?? Infinity
    return (minMeanLogprob === null || goodShare(minMeanLogprob) >= target) &&
      given.every(({ meanLogprob }) => meanLogprob >= best || goodShare(meanLogprob) < target)
  }), { numRuns: 500 })
})

await t.test('a threshold for a share repeats no more than that', async t => {
  t.equal(thresholdForShare([], 0.5), null)
  t.equal(thresholdForShare([-3, -1, -2, -4], 0.5), -2)
  fc.assert(fc.property(fc.array(fc.integer({ min: -20, max: 0 }), { minLength: 1 }), fc.double({ min: 0, max: 1, noNaN: true }), (values, share) => {
    const threshold = thresholdForShare(values, share) ?? NaN
    const below = (value: number): number => values.filter(given => given < value).length / values.length
    return below(threshold) <= share && values.every(value => value <= threshold || below(value) > share || share === 1)
  }))
})

await t.test('the command reads judged answers and wants enough of them', async t => {
  const lines = Array.from({ length: 60 }, (_, index) => JSON.stringify({ meanLogprob: -index / 60, wasGood: index < 30 }))
  const [written = ''] = await runCommand(runCalibrate, ['--target', '1'], lines)
  t.match(JSON.parse(written), { keptShare: 0.5, goodShare: 1, answers: 60 })
  const bad: Array<[argv: string[], lines: string[], message: RegExp]> = [
    [[], lines.slice(0, 9), /9 answers are too few/],
    [[], [...lines, '{"meanLogprob":"low"}'], /line 61/],
    [['--target', '2'], lines, /--target/],
    [[], lines.map(line => line.replace('true', 'false')), /no threshold/]
  ]
  for (const [argv, given, message] of bad) {
    const error = await runCommand(runCalibrate, argv, given).catch((thrown: unknown) => thrown)
    t.ok(error instanceof CliInputError)
    t.match(error, { message })
  }
})
