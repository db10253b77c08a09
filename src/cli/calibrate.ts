/** `gearbox calibrate`: judged answers of Flash on stdin, the threshold for `policy.cascade.minMeanLogprob` on stdout. */
import { parseArgs } from 'node:util'
import { z } from 'zod'
import { calibrate, fewestAnswers, type JudgedAnswer } from '../policy/calibrate.js'
import { CliInputError } from './cli-input-error.js'
import type { CliIo } from './cli-io.js'

const usage = 'usage: gearbox calibrate [--target 0.95] < answers.jsonl      each line {"meanLogprob": -0.2, "wasGood": true}'

const lineSchema = z.looseObject({ meanLogprob: z.number().max(0), wasGood: z.boolean() })

export async function runCalibrate (argv: string[], io: CliIo): Promise<void> {
  const { values } = parseArgs({ args: argv, options: { target: { type: 'string', default: '0.95' } } })
  const target = Number(values.target)
  if (!(target > 0 && target <= 1)) throw new CliInputError(`--target: a share above 0, at most 1\n${usage}`)
  const answers: JudgedAnswer[] = []
  for await (const line of io.lines) {
    if (line.trim() !== '') answers.push(readLine(line, answers.length + 1))
  }
  if (answers.length < fewestAnswers) throw new CliInputError(`${answers.length} answers are too few to tell: at least ${fewestAnswers}\n${usage}`)

  const { minMeanLogprob, keptShare, goodShare } = calibrate(answers, target)
  if (minMeanLogprob === null) throw new CliInputError(`no threshold makes ${target} of the kept answers good; the confidence of these answers does not tell good from bad so well`)
  const percent = (share: number): string => `${(share * 100).toFixed(1)} %`
  const isGood = answers.filter(({ wasGood }) => wasGood).length / answers.length
  io.write(`${JSON.stringify({ minMeanLogprob, keptShare, goodShare, answers: answers.length })}\n`)
  io.writeError(`of ${answers.length} answers ${percent(isGood)} were good; above ${minMeanLogprob} ${percent(goodShare)} are, and ${percent(1 - keptShare)} would be repeated on pro\n`)
}

function readLine (line: string, number: number): JudgedAnswer {
  try {
    return lineSchema.parse(JSON.parse(line))
  } catch (error) {
    throw new CliInputError(`line ${number}: ${error instanceof z.ZodError ? error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ') : String(error)}`)
  }
}
