/** `gearbox doctor`: would the gateway start here and now, and answer? Says what to do where not. Starts nothing, changes nothing. */
import { parseArgs } from 'node:util'
import { ConfigError } from '../config/config-error.js'
import { loadConfig, readEnvironment } from '../config/load-config.js'
import type { GatewayConfig } from '../config/schema.js'
import { assertGuarded } from '../config/assert-guarded.js'
import type { CliIo } from './cli-io.js'
import { checkCheckpoint, checkCollector, checkNode, checkPort, checkStore, checkWorker, finding, type Finding } from './doctor-checks.js'
import { packagePath, shippedCheckpoint } from './package-path.js'

const usage = 'usage: gearbox doctor [--config FILE]'
const tiers = ['flash', 'pro'] as const

/** Sets the exit code to 1 when something has failed. */
export async function runDoctor (argv: string[], io: CliIo): Promise<void> {
  const { values } = parseArgs({ args: argv, options: { config: { type: 'string' }, help: { type: 'boolean', short: 'h' } } })
  if (values.help === true) return io.write(usage + '\n')
  const findings = await examine(values.config ?? packagePath('config/gateway.yaml'), readEnvironment())
  for (const { name, status, detail, advice } of findings) {
    io.write(`${words[status]} ${name}: ${detail}\n${advice === null ? '' : `         → ${advice}\n`}`)
  }
  const failed = findings.filter(({ status }) => status === 'failed').length
  io.write(failed === 0 ? 'The gateway can start.\n' : `${failed} of ${findings.length} checks failed.\n`)
  if (failed > 0) process.exitCode = 1
}

const words = { ok: 'ok      ', warning: 'warning ', failed: 'FAILED  ' }

export async function examine (path: string, environment: Record<string, string | undefined>): Promise<Finding[]> {
  const node = checkNode(process.version)
  let config: GatewayConfig
  try {
    config = loadConfig(path, environment)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return [node, finding('settings', 'correct the file; config/gateway.yaml shows every key', error.message)]
  }
  return [
    node,
    finding('settings', null, path),
    checkGuard(config),
    await checkPort('port', config.server),
    await checkOperatorsPort(config),
    ...await Promise.all(tiers.map(async tier => await checkTier(tier, config))),
    ...await Promise.all(tiers.flatMap(tier => config.tiers[tier].workers.map(async worker => await checkWorker(tier, worker, environment)))),
    await checkStore(config.accounts),
    await checkCollector(config.telemetry.traces)
  ]
}

function checkGuard (config: GatewayConfig): Finding {
  try {
    assertGuarded(config)
    return finding('guard', null, 'nobody from elsewhere gets in without a key')
  } catch (error) {
    return finding('guard', 'set keys or a secret, or listen on loopback', error instanceof Error ? error.message : String(error))
  }
}

/** The gateway takes another port by itself. */
async function checkOperatorsPort ({ admin }: GatewayConfig): Promise<Finding> {
  const found = await checkPort('operator\'s port', admin)
  return found.status === 'failed' ? { ...found, status: 'warning' } : found
}

async function checkTier (tier: typeof tiers[number], { tiers: { [tier]: settings } }: GatewayConfig): Promise<Finding> {
  const shipped = shippedCheckpoint(settings.checkpoint)
  if (shipped === null) return await checkCheckpoint(tier, settings)
  if (!shipped.isThere) return { name: `checkpoint of ${tier}`, status: 'warning', detail: `${shipped.path} has no weights; random ones would stand in`, advice: 'fetch the weights, unless noise is all you want' }
  return await checkCheckpoint(tier, { ...settings, checkpoint: shipped.path })
}
