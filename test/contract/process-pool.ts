/** Whole gateways and their workers, each a process of its own as in production, to be killed and started again. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { SimulatorScript } from '../../workers/engines/simulator/simulator-script.js'

const commandLine = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url))
const workerMain = fileURLToPath(new URL('../../workers/main.js', import.meta.url))

export class Restartable {
  readonly #argv: string[]
  readonly #isUp: RegExp | null
  #child: ChildProcess | null = null
  /** A test that is cut short must not leave it behind. */
  readonly #reap = (): void => { this.#child?.kill('SIGKILL') }
  /** What of its output said that it is up. */
  said = ''

  /** `isUp`: a line of output; null = nobody waits for it. */
  constructor (argv: string[], isUp: RegExp | null) {
    this.#argv = argv
    this.#isUp = isUp
    process.once('exit', this.#reap)
  }

  async start (): Promise<void> {
    const child = spawn(process.execPath, this.#argv, { stdio: ['ignore', this.#isUp === null ? 'ignore' : 'pipe', 'inherit'] })
    this.#child = child
    const { stdout } = child
    if (this.#isUp === null || stdout === null) return
    for await (const line of createInterface({ input: stdout })) {
      const found = this.#isUp.exec(line)
      if (found === null) continue
      this.said = found[1] ?? found[0]
      stdout.resume()
      return
    }
    throw new Error(`${this.#argv.join(' ')} ended before it was up`)
  }

  async end (signal: 'SIGKILL' | 'SIGTERM' = 'SIGKILL'): Promise<void> {
    const child = this.#child
    if (child === null || child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, 'exit')
    child.kill(signal)
    await gone
  }
}

export interface PoolOptions {
  folder: string
  gateways: number
  flashWorkers: number
  script: Partial<SimulatorScript>
  /** Settings of every gateway beside its workers; `settingsOf` those of one. */
  settings: object
  settingsOf: (name: string) => object
}

export interface ProcessPool {
  gateways: Restartable[]
  workers: Restartable[]
}

/** Simulated workers on sockets, and gateways that have them in their settings. */
export async function startPool ({ folder, gateways, flashWorkers, script, settings, settingsOf }: PoolOptions): Promise<ProcessPool> {
  const socketsOf = (tier: string, count: number): string[] => Array.from({ length: count }, (_, index) => join(folder, `${tier}-${index}.sock`))
  const sockets = { flash: socketsOf('flash', flashWorkers), pro: socketsOf('pro', 1) }
  const workers = (['flash', 'pro'] as const).flatMap(tier => {
    const scriptPath = join(folder, `${tier}.json`)
    writeFileSync(scriptPath, JSON.stringify({ ...script, checkpoint: `${tier}-simulated`, contextTokens: 65_536 }))
    return sockets[tier].map((socket, index) => new Restartable([workerMain, '--worker-id', `${tier}-${index}`, '--tier', tier, '--engine', 'simulator', '--script', scriptPath, '--socket', socket, '--log-level', 'silent'], null))
  })
  const tierOf = (tier: 'flash' | 'pro'): object => ({
    checkpoint: { name: `${tier}-simulated`, effortLadder: '0731', contextTokens: 65_536, tokenizer: 'deepseek-v4' },
    workers: sockets[tier].map(socket => `unix:${socket}`)
  })
  const all = Array.from({ length: gateways }, (_, index) => {
    const configPath = join(folder, `gateway-${index}.yaml`)
    // JSON is YAML.
    writeFileSync(configPath, JSON.stringify({ server: { port: 0 }, admin: { port: 0 }, batches: { directory: null }, log: { level: 'silent' }, tiers: { flash: tierOf('flash'), pro: tierOf('pro') }, ...settings, ...settingsOf(`gateway-${index}`) }))
    return new Restartable([commandLine, 'start', '--config', configPath], /listens on (http:\S+);/)
  })
  await Promise.all([...workers, ...all].map(async process => { await process.start() }))
  return { gateways: all, workers }
}
