import { env } from 'node:process'
import { parseArgs } from 'node:util'
import { tierSchema, type Tier } from './contract/job.js'
import type { EngineChoice } from './engines/create-engine.js'
import { engineFlagOptions, parseEngineFlags, required, wholeNumber } from './engines/engine-flags.js'
import type { ListenAddress } from './host/host-server.js'

export interface WorkerFlags {
  workerId: string
  tier: Tier
  choice: EngineChoice
  address: ListenAddress
  graceMs: number
  isSupervised: boolean
  logLevel: string
  /** Gateway to make itself known to; null = whoever wants it knows its address. */
  register: { gateway: string, advertised: string, secret: string | null } | null
}

/** @throws Error naming the flag at fault */
export function parseFlags (argv: string[]): WorkerFlags {
  const { values } = parseArgs({
    args: argv,
    options: {
      'worker-id': { type: 'string' },
      tier: { type: 'string' },
      ...engineFlagOptions,
      socket: { type: 'string' },
      port: { type: 'string' },
      host: { type: 'string', default: '127.0.0.1' },
      'grace-ms': { type: 'string', default: '20000' },
      supervised: { type: 'boolean', default: false },
      register: { type: 'string' },
      advertise: { type: 'string' },
      'log-level': { type: 'string', default: 'info' }
    }
  })
  return {
    workerId: required('worker-id', values['worker-id']),
    tier: tierSchema.parse(required('tier', values.tier)),
    choice: parseEngineFlags(values, env),
    address: values.socket === undefined
      ? { host: values.host, port: wholeNumber('port', required('port (or --socket)', values.port)) }
      : { socketPath: values.socket },
    graceMs: wholeNumber('grace-ms', values['grace-ms']),
    isSupervised: values.supervised,
    logLevel: values['log-level'],
    register: values.register === undefined
      ? null
      : { gateway: values.register, advertised: required('advertise', values.advertise), secret: env['GEARBOX_ADMIN_SECRET'] ?? null }
  }
}
