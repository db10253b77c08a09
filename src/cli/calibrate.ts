/**
 * `gearbox calibrate`: the threshold for `policy.cascade.minMeanLogprob`, from what a gateway wrote down (`calibration.path`) or from judged
 * answers on stdin; and from the requests that went straight to a tier, what the cascade saves and loses.
 */
import { parseArgs } from 'node:util'
import { z } from 'zod'
import { formatUsd } from '../accounts/money.js'
import type { AnswerSample } from '../policy/answer-sample.js'
import { calibrate, fewestAnswers, thresholdForShare, type JudgedAnswer } from '../policy/calibrate.js'
import { compareTiers, isCascade, type Estimated, type RequestGroup, type TierComparison } from '../policy/compare-tiers.js'
import { CliInputError } from './cli-input-error.js'
import type { CliIo } from './cli-io.js'
import { parseLine, readJudgements, readSamples } from './read-samples.js'

const usage = `usage: gearbox calibrate --samples FILE [--samples FILE ...] [--judged FILE] [--target 0.95 | --escalate 0.1] [--all]
       gearbox calibrate [--target 0.95] < answers.jsonl      each line {"meanLogprob": -0.2, "wasGood": true}
  --samples   files that gateways wrote (calibration.path); the predecessor FILE.1 is read too
  --judged    lines {"requestId": "...", "wasGood": true}; without it an answer is good that has the form it was asked for
  --target    share of the kept answers that should be good
  --escalate  share of the answers that may be repeated on pro for low confidence, in place of a target
  --all       also flash's answers to requests that named their tier, or had it from effort, conversation, size or money`

const options = {
  samples: { type: 'string', multiple: true },
  judged: { type: 'string' },
  target: { type: 'string', default: '0.95' },
  escalate: { type: 'string' },
  all: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false }
} as const

const judgedAnswerSchema = z.looseObject({ meanLogprob: z.number().max(0), wasGood: z.boolean() })

export async function runCalibrate (argv: string[], io: CliIo): Promise<void> {
  const { values } = parseArgs({ args: argv, options })
  if (values.help) return io.write(`${usage}\n`)
  const target = shareOf('target', values.target)
  if (values.samples !== undefined) {
    const judged = values.judged === undefined ? null : readJudgements(values.judged)
    const escalate = values.escalate === undefined ? null : shareOf('escalate', values.escalate)
    return fromSamples(readSamples(values.samples), { judged, target, escalate, isAll: values.all }, io)
  }
  const answers: JudgedAnswer[] = []
  for await (const line of io.lines) {
    if (line.trim() !== '') answers.push(parseLine(line, `line ${answers.length + 1}`, judgedAnswerSchema))
  }
  const { minMeanLogprob, keptShare, goodShare } = calibrated(answers, target)
  const good = answers.filter(({ wasGood }) => wasGood).length / answers.length
  io.write(`${JSON.stringify({ minMeanLogprob, keptShare, goodShare, answers: answers.length })}\n`)
  io.writeError(`of ${answers.length} answers ${percent(good)} were good; above ${minMeanLogprob} ${percent(goodShare)} are, and ${percent(1 - keptShare)} would be repeated on pro\n`)
}

interface SampleWishes {
  judged: ReadonlyMap<string, boolean> | null
  target: number
  /** In place of the target. */
  escalate: number | null
  isAll: boolean
}

function fromSamples (samples: readonly AnswerSample[], { judged, target, escalate, isAll }: SampleWishes, io: CliIo): void {
  const comparison = compareTiers(samples, sample => wasGood(sample, judged))
  io.writeError(comparisonText(comparison))
  const tried = samples.filter(sample => isAll || isOpen(sample)).flatMap(({ requestId, tier, flash }) => flash === null ? [] : [{ requestId, tier, ...flash }])
  const logprobs = tried.flatMap(({ meanLogprob }) => meanLogprob ?? [])
  // Of an answer that pro replaced nobody could say whether it was good, unless a check had failed.
  const known = tried.flatMap(({ requestId, tier, meanLogprob, failure }): JudgedAnswer[] => {
    const good = judged === null || failure !== null ? failure === null : tier === 'flash' ? judged.get(requestId) : undefined
    return good === undefined || meanLogprob === null ? [] : [{ meanLogprob, wasGood: good }]
  })
  if (escalate !== null) requireEnough(logprobs.length)
  const minMeanLogprob = escalate === null ? calibrated(known, target).minMeanLogprob : thresholdForShare(logprobs, escalate) ?? 0
  const kept = tried.filter(({ meanLogprob, failure }) => failure === null && (meanLogprob ?? 0) >= minMeanLogprob)
  const keptKnown = known.filter(({ meanLogprob }) => meanLogprob >= minMeanLogprob)
  const goodShare = keptKnown.length === 0 ? null : keptKnown.filter(answer => answer.wasGood).length / keptKnown.length
  const escalationShare = 1 - kept.length / tried.length
  io.write(`${JSON.stringify({ minMeanLogprob, escalationShare, goodShare, answers: tried.length, judged: judged === null ? 0 : known.length, ...comparison })}\n`)
  io.writeError(`${tried.length} answers of flash: with minMeanLogprob ${minMeanLogprob} ${percent(escalationShare)} would be repeated on pro, those included that fail a check${goodShare === null ? '' : `; above it ${percent(goodShare)} are ${judged === null ? 'of the form that was asked for' : 'good'}`}\n`)
  if (judged === null) io.writeError('without --judged nothing is known of whether answers are right\n')
}

/** Nothing but chance, default or a cascade sent it where it went: what a cascade would be for. */
function isOpen (sample: AnswerSample): boolean {
  return isCascade(sample) || ['cascade-holdout', 'trial', 'default'].includes(sample.reason)
}

function wasGood (sample: AnswerSample, judged: ReadonlyMap<string, boolean> | null): boolean | null {
  if (judged !== null) return judged.get(sample.requestId) ?? null
  const signals = sample[sample.tier]
  return signals === null ? null : signals.failure === null
}

function comparisonText ({ flash, pro, cascade, repeatedShare, saving, regret }: TierComparison): string {
  const line = (name: string, { requests, goodShare, meanNanoUsd }: RequestGroup): string =>
    `${name.padEnd(18)}${String(requests).padStart(8)} requests  ${(goodShare === null ? '-' : percent(goodShare)).padStart(8)} good  $${formatUsd(Math.round(meanNanoUsd * 1000))} a thousand\n`
  const estimate = ({ value, plusMinus }: Estimated): string => `${percent(value)} ± ${percent(plusMinus)}`
  return line('straight to flash', flash) + line('straight to pro', pro) + line('cascade', cascade) +
    (repeatedShare === null ? '' : `the cascade repeated ${percent(repeatedShare)} on pro\n`) +
    (saving === null ? 'saving: needs requests of the cascade and some that went straight to pro (policy.cascade.holdoutShare)\n' : `saving over sending all to pro: ${estimate(saving)}\n`) +
    (regret === null ? '' : `regret, good answers lost against sending all to pro: ${estimate(regret)}\n`)
}

function calibrated (answers: readonly JudgedAnswer[], target: number): { minMeanLogprob: number, keptShare: number, goodShare: number } {
  requireEnough(answers.length)
  const { minMeanLogprob, ...shares } = calibrate(answers, target)
  if (minMeanLogprob === null) throw new CliInputError(`no threshold makes ${target} of the kept answers good; the confidence of these answers does not tell good from bad so well`)
  return { minMeanLogprob, ...shares }
}

function requireEnough (count: number): void {
  if (count < fewestAnswers) throw new CliInputError(`${count} answers are too few to tell: at least ${fewestAnswers}\n${usage}`)
}

function shareOf (name: string, text: string): number {
  const share = Number(text)
  if (!(share > 0 && share <= 1)) throw new CliInputError(`--${name}: a share above 0, at most 1\n${usage}`)
  return share
}

function percent (share: number): string {
  return `${(share * 100).toFixed(1)} %`
}
