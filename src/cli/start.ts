/** `gearbox start`: the gateway, its embedded workers, and a banner that says what it is and how to call it. */
import { readFileSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import closeWithGrace from 'close-with-grace'
import { loadConfig, readEnvironment } from '../config/load-config.js'
import type { GatewayConfig } from '../config/schema.js'
import { startGateway, type RunningGateway } from '../server.js'
import { createLogger } from '../telemetry/create-logger.js'
import type { CliIo } from './cli-io.js'
import { showLoading } from './loading-progress.js'
import { packagePath, shippedCheckpoint } from './package-path.js'
import type { Tier } from '../../workers/contract/job.js'

const usage = 'usage: gearbox start [--config FILE] [--host ADDRESS] [--port N] [--log-level LEVEL]'

/** Beyond the workers' own grace: closing sockets and freeing engines. */
const exitMarginMs = 10_000

export async function runStart (argv: string[], io: CliIo): Promise<void> {
  const { values } = parseArgs({
    args: argv,
    options: {
      config: { type: 'string' },
      host: { type: 'string' },
      port: { type: 'string' },
      'log-level': { type: 'string' },
      help: { type: 'boolean', short: 'h' }
    }
  })
  if (values.help === true) return io.write(usage + '\n')
  const environment = { ...readEnvironment() }
  if (values.host !== undefined) environment['HOST'] = values.host
  if (values.port !== undefined) environment['PORT'] = values.port
  if (values['log-level'] !== undefined) environment['GEARBOX_LOG_LEVEL'] = values['log-level']
  const noise = new Map<Tier, string>()
  const readConfig = async (): Promise<GatewayConfig> => await withCheckpoints(loadConfig(values.config ?? packagePath('config/gateway.yaml'), environment), noise)
  const config = await readConfig()

  const startedAt = performance.now()
  const logger = createLogger(config.log.level)
  const gateway = await startGateway(config, logger, readVersion(), readConfig)
  io.write(`gearbox ${readVersion()} listens on ${gateway.address}; loading ${names(gateway)} ...\n`)

  process.on('SIGHUP', () => {
    gateway.reload().catch((error: unknown) => { logger.error({ err: error }, 'the new settings are not valid; nothing was changed') })
  })
  closeWithGrace({ delay: config.server.graceMs + exitMarginMs, logger: false, skip: ['SIGHUP'] }, async ({ err, signal }) => {
    if (err !== undefined) logger.fatal({ err }, 'the process failed')
    else logger.info({ signal }, 'stopping')
    await gateway.close()
  })

  const endProgress = showLoading(gateway, io)
  await gateway.whenReady()
  endProgress()
  io.write(banner(gateway, Math.round(performance.now() - startedAt), config))
}

function names ({ cards }: RunningGateway): string {
  return `${cards.flash.name} and ${cards.pro.name}`
}

function banner (gateway: RunningGateway, elapsedMs: number, config: GatewayConfig): string {
  const { address, cards } = gateway
  const isMini = [cards.flash, cards.pro].some(({ name }) => name.includes('mini'))
  const isNoise = [cards.flash, cards.pro].some(({ trained }) => !trained)
  const key = config.access.keyHashes.length > 0 ? " -H 'authorization: Bearer YOUR_KEY'" : ''
  return [
    `ready in ${elapsedMs} ms: flash = ${cards.flash.name} (${cards.flash.revision}), pro = ${cards.pro.name} (${cards.pro.revision})`,
    ...(isMini ? ['These are mini checkpoints: small demonstrations of the V4 architecture, not the DeepSeek V4 weights.'] : []),
    ...(isNoise ? ['At least one checkpoint has random weights: its text is noise.'] : []),
    '',
    'Try it:',
    `  curl ${address}/v1/chat/completions${key} -H 'content-type: application/json' \\`,
    '    -d \'{"model":"deepseek-v4-flash","messages":[{"role":"user","content":"Who are you?"}]}\'',
    '',
    `For the operator: ${gateway.adminAddress}/console (metrics: /metrics)`,
    ''
  ].join('\n')
}

/**
 * The shipped configuration names checkpoints relative to the package, wherever the command is run. Where the shipped
 * weights are missing (a clone without them), random ones stand in, and the banner says that their text is noise.
 *
 * @param noise where random ones were written, for when the settings are read again
 */
async function withCheckpoints (config: GatewayConfig, noise: Map<Tier, string>): Promise<GatewayConfig> {
  const resolve = async (tier: Tier): Promise<GatewayConfig['tiers']['flash']['checkpoint']> => {
    const { checkpoint } = config.tiers[tier]
    const shipped = shippedCheckpoint(checkpoint)
    if (shipped === null) return checkpoint
    if (shipped.isThere || config.tiers[tier].workers.length > 0) return shipped.path
    const earlier = noise.get(tier)
    if (earlier !== undefined) return earlier
    const directory = join(await mkdtemp(join(tmpdir(), 'gearbox-noise-')), tier)
    const { writeRandomCheckpoint } = await import('../../workers/engines/v4/checkpoint/random-checkpoint.js')
    await writeRandomCheckpoint(directory, { tier })
    noise.set(tier, directory)
    return directory
  }
  const [flash, pro] = await Promise.all([resolve('flash'), resolve('pro')])
  return { ...config, tiers: { flash: { ...config.tiers.flash, checkpoint: flash }, pro: { ...config.tiers.pro, checkpoint: pro } } }
}

function readVersion (): string {
  const manifest: unknown = JSON.parse(readFileSync(packagePath('package.json'), 'utf8'))
  return typeof manifest === 'object' && manifest !== null && 'version' in manifest ? String(manifest.version) : 'unknown'
}
