/**
 * What a cascade is worth, on the mini checkpoints: always Flash, always Pro, a random choice, and Flash-then-Pro by threshold.
 * The threshold is calibrated on every other prompt and judged on the rest. Writes results.md, results.json and cascade.svg beside this file.
 *
 *   npm run build && node dist/benchmarks/cascade/benchmark.js [PROMPTS_PER_SKILL]
 */
import { writeFileSync } from 'node:fs'
import { listPrices } from '../../src/accounts/list-prices.js'
import { pricesAt } from '../../src/accounts/price-book.js'
import { calibrate } from '../../src/policy/calibrate.js'
import { drawStrategies } from './draw-strategies.js'
import { evaluate, readItems, type Judged } from '../skills/evaluation.js'
import { cascade, random, type Answers, type Point } from './strategies.js'

/** Off-peak of the list current then, so that a later price does not change old figures. */
const pricedAtMs = Date.UTC(2026, 10, 24, 12)
const perSkill = Number(process.argv[2] ?? 100)

const items = readItems('models/eval', perSkill)
const flash = await evaluate('models/flash-mini', 'flash', items)
const pro = await evaluate('models/pro-mini', 'pro', items)
const book = listPrices([])
const prices = { flash: pricesAt(book, 'flash', pricedAtMs), pro: pricesAt(book, 'pro', pricedAtMs) }

const part = (remainder: number): Answers => ({ flash: every(flash, remainder), pro: every(pro, remainder), prices })
const [training, test] = [part(0), part(1)]
const always = { flash: random(test, 0), pro: random(test, 1) }
/** Kept answers should be as often right as Pro's are; where no threshold does that, as near as confidence gets. */
const target = random(training, 1).accuracy
const { minMeanLogprob } = calibrate(training.flash.map(({ meanLogprob, isRight }) => ({ meanLogprob, wasGood: isRight })), target)
const thresholds = [null, ...[...new Set(test.flash.map(({ meanLogprob }) => meanLogprob))].sort((a, b) => a - b), 1e-9]
const curve = thresholds.map(threshold => cascade(test, threshold))
const calibrated = minMeanLogprob === null ? null : cascade(test, minMeanLogprob)

const rows: Array<[name: string, point: Point]> = [
  ['always Flash', always.flash],
  ['cascade, checks of form only', cascade(test, null)],
  ...(calibrated === null
    ? []
    : [
    ['cascade, calibrated', calibrated] satisfies [string, Point],
    ['random, same share on Pro', random(test, calibrated.proShare)] satisfies [string, Point],
    ['random, same cost', random(test, shareAt(calibrated.nanoUsd))] satisfies [string, Point]
      ]),
  ['always Pro', always.pro]
]
const oracle = test.flash.filter(({ isRight }, index) => isRight || test.pro[index]?.isRight === true).length / test.flash.length
const table = rows.map(([name, { accuracy, nanoUsd, proShare }]) => `| ${name} | ${(accuracy * 100).toFixed(1)} % | $${(nanoUsd / 1e6).toFixed(5)} | ${(proShare * 100).toFixed(1)} % |`)
const here = 'benchmarks/cascade'
writeFileSync(`${here}/results.md`, [
  '# Cascade: results',
  '',
  `${new Date().toISOString().slice(0, 10)}, ${items.length} prompts of models/eval (${perSkill} a skill at most), greedy, list prices off-peak. Written by \`benchmark.ts\`.`,
  '',
  `The threshold was calibrated on one half of the prompts (${minMeanLogprob === null ? 'none reaches the target' : `${minMeanLogprob.toFixed(4)}, kept answers to be right in ${(target * 100).toFixed(1)} %`}) and is judged on the other.`,
  'Cost is that of a thousand requests. A repeated request pays both tiers.',
  '',
  '| | right | cost | on Pro |',
  '| --- | --- | --- | --- |',
  ...table,
  '',
  `One of the two tiers is right in ${(oracle * 100).toFixed(1)} %: no choice between them can do better.`,
  '',
  ...(always.pro.accuracy > always.flash.accuracy
    ? []
    : ['On these prompts pro-mini is right less often than flash-mini, so what a cascade can save here is little: it repeats what is not valid, and the threshold learns to repeat hardly more.', '']),
  '![accuracy over cost](cascade.svg)',
  ''
].join('\n'))
writeFileSync(`${here}/results.json`, JSON.stringify({ prompts: items.length, minMeanLogprob, target, oracle, rows: Object.fromEntries(rows) }, null, 2) + '\n')
writeFileSync(`${here}/cascade.svg`, drawStrategies({ ...always, cascade: curve, calibrated, title: 'Always Flash, always Pro, a random choice, a cascade: the mini checkpoints' }))
process.stdout.write(`${table.join('\n')}\n`)

function every (answers: readonly Judged[], remainder: number): Judged[] {
  return answers.filter((_, index) => index % 2 === remainder)
}

/** The share on Pro at which a random choice costs this much. */
function shareAt (nanoUsd: number): number {
  return Math.max(0, Math.min(1, (nanoUsd - always.flash.nanoUsd) / (always.pro.nanoUsd - always.flash.nanoUsd)))
}
