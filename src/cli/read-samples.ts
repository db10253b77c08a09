/** What gateways wrote down for calibration, and what somebody thought of the answers. */
import { existsSync, readFileSync } from 'node:fs'
import { z } from 'zod'
import { answerSampleSchema, type AnswerSample } from '../policy/answer-sample.js'
import { CliInputError } from './cli-input-error.js'

const judgementSchema = z.looseObject({ requestId: z.string(), wasGood: z.boolean() })

/** The files and their predecessors (`.1`), oldest first. */
export function readSamples (paths: readonly string[]): AnswerSample[] {
  return paths.flatMap(path => [`${path}.1`, path].filter((file, index) => index === 1 || existsSync(file))).flatMap(file => readLines(file, answerSampleSchema))
}

/** By request id. */
export function readJudgements (path: string): Map<string, boolean> {
  return new Map(readLines(path, judgementSchema).map(({ requestId, wasGood }) => [requestId, wasGood]))
}

export function parseLine<Parsed> (line: string, where: string, schema: z.ZodType<Parsed>): Parsed {
  try {
    return schema.parse(JSON.parse(line))
  } catch (error) {
    throw new CliInputError(`${where}: ${error instanceof z.ZodError ? error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ') : String(error)}`)
  }
}

function readLines<Parsed> (path: string, schema: z.ZodType<Parsed>): Parsed[] {
  const lines = textOf(path).split('\n')
  // A last line without its end is being written, or its gateway was killed.
  return lines.slice(0, -1).flatMap((line, index) => line === '' ? [] : [parseLine(line, `${path}, line ${index + 1}`, schema)])
}

function textOf (path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new CliInputError(`${path}: ${error instanceof Error ? error.message : String(error)}`)
  }
}
