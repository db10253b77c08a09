import { parseArgs } from 'node:util'
import { tierSchema, type Tier } from './contract/job.js'
import type { EngineChoice } from './engines/create-engine.js'
import type { ListenAddress } from './host/host-server.js'

export interface WorkerFlags {
  workerId: string
  tier: Tier
  choice: EngineChoice
  address: ListenAddress
  graceMs: number
  isSupervised: boolean
  logLevel: string
}

/** @throws Error naming the flag at fault */
export function parseFlags (argv: string[]): WorkerFlags {
  const { values } = parseArgs({
    args: argv,
    options: {
      'worker-id': { type: 'string' },
      tier: { type: 'string' },
      engine: { type: 'string', default: 'v4' },
      checkpoint: { type: 'string' },
      ranks: { type: 'string', default: '1' },
      mode: { type: 'string', default: 'exact' },
      'context-tokens': { type: 'string' },
      script: { type: 'string' },
      socket: { type: 'string' },
      port: { type: 'string' },
      host: { type: 'string', default: '127.0.0.1' },
      'grace-ms': { type: 'string', default: '20000' },
      supervised: { type: 'boolean', default: false },
      'log-level': { type: 'string', default: 'info' }
    }
  })
  return {
    workerId: required('worker-id', values['worker-id']),
    tier: tierSchema.parse(required('tier', values.tier)),
    choice: parseEngine(values),
    address: values.socket === undefined
      ? { host: values.host, port: wholeNumber('port', required('port (or --socket)', values.port)) }
      : { socketPath: values.socket },
    graceMs: wholeNumber('grace-ms', values['grace-ms']),
    isSupervised: values.supervised,
    logLevel: values['log-level']
  }
}

interface EngineFlags {
  engine: string
  checkpoint?: string | undefined
  script?: string | undefined
  ranks: string
  mode: string
  'context-tokens'?: string | undefined
}

function parseEngine (values: EngineFlags): EngineChoice {
  if (values.engine === 'simulator') return { engine: 'simulator', scriptPath: values.script ?? null }
  if (values.engine !== 'v4') throw new Error(`--engine ${values.engine} is not one of v4, simulator`)
  if (values.mode !== 'exact' && values.mode !== 'qat_sim') throw new Error(`--mode ${values.mode} is not one of exact, qat_sim`)
  const contextTokens = values['context-tokens']
  return {
    engine: 'v4',
    checkpointDirectory: required('checkpoint', values.checkpoint),
    ranks: wholeNumber('ranks', values.ranks),
    mode: values.mode,
    contextTokens: contextTokens === undefined ? null : wholeNumber('context-tokens', contextTokens)
  }
}

function required (flag: string, value: string | undefined): string {
  if (value === undefined || value === '') throw new Error(`--${flag} is required`)
  return value
}

function wholeNumber (flag: string, text: string): number {
  if (!/^\d+$/.test(text)) throw new Error(`--${flag} must be a whole number, not ${text}`)
  return Number(text)
}
