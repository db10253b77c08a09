import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import type { BaseLogger } from 'pino'
import { z } from 'zod'

const levels = [[60, 'fatal'], [50, 'error'], [40, 'warn'], [30, 'info'], [20, 'debug'], [0, 'trace']] as const

const logLineSchema = z.looseObject({ level: z.number(), msg: z.string().default('') })

/** A worker's log (pino's JSON lines) as lines of ours; what is no log line (a crash report) is a warning. */
export function relayWorkerLog (output: Readable, logger: BaseLogger): void {
  createInterface({ input: output }).on('line', line => {
    const parsed = logLineSchema.safeParse(parseJson(line))
    if (!parsed.success) {
      if (line.trim() !== '') logger.warn({ source: 'worker' }, line)
      return
    }
    const { level, msg, time: _time, pid, hostname: _hostname, ...fields } = parsed.data
    const name = levels.find(([least]) => level >= least)?.[1] ?? 'info'
    logger[name]({ ...fields, source: 'worker', workerPid: pid }, msg)
  })
}

function parseJson (line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return null
  }
}
