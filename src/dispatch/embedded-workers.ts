/** The workers that the gateway runs itself: child processes on unix sockets in a private folder. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { BaseLogger } from 'pino'
import { systemClock, type Clock } from './clock.js'
import { EmbeddedWorker, type EmbeddedWorkerPlan } from './embedded-worker.js'
import type { WorkerRegistry } from './worker-registry.js'

export interface EmbeddedWorkersOptions {
  registry: WorkerRegistry
  logger: BaseLogger
  workers: EmbeddedWorkerPlan[]
  clock?: Clock
  /** How long running jobs may finish when closing. */
  graceMs?: number
  restartMs?: number
  restartCeilingMs?: number
  /** How long a worker may load. Default 65 min: engines of others say themselves when they are late, and Pro's weights take an hour. */
  startBudgetMs?: number
  entryPath?: string
}

/** A socket's path has to fit into 104 bytes on some systems. */
const socketPathLimitBytes = 100

export class EmbeddedWorkers {
  readonly #workers: EmbeddedWorker[]
  readonly #folder: string
  #closed: Promise<void> | null = null

  constructor (options: EmbeddedWorkersOptions) {
    const { registry, logger, clock = systemClock, graceMs = 20_000, restartMs = 250, restartCeilingMs = 30_000, startBudgetMs = 65 * 60_000 } = options
    const { entryPath = fileURLToPath(new URL('../../workers/main.js', import.meta.url)) } = options
    this.#folder = privateFolder()
    this.#workers = options.workers.map((plan, position) => new EmbeddedWorker(plan, {
      registry,
      logger,
      clock,
      graceMs,
      restartMs,
      restartCeilingMs,
      startBudgetMs,
      entryPath,
      socketPath: start => join(this.#folder, `${position}-${start}.sock`)
    }))
  }

  /** Resolves when every worker has been ready once; a worker that cannot load keeps being restarted, and this waits. */
  async whenReady (): Promise<void> {
    await Promise.all(this.#workers.map(async worker => await worker.ready))
  }

  /** Process id by worker id; null while a worker is between two starts. */
  pids (): Map<string, number | null> {
    return new Map(this.#workers.map(({ plan, pid }) => [plan.workerId, pid]))
  }

  /** Drains and stops every worker; resolves when all have exited and the folder is gone. Idempotent. */
  async close (): Promise<void> {
    this.#closed ??= Promise.all(this.#workers.map(async worker => await worker.close())).then(() => this.#removeFolder())
    await this.#closed
  }

  /** Kills every worker at once and waits for nothing. Idempotent. */
  destroy (): void {
    for (const worker of this.#workers) worker.destroy()
    this.#removeFolder()
  }

  #removeFolder (): void {
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

/** Readable by this user only: whoever can connect to a worker can use it. */
function privateFolder (): string {
  const longestName = '/gearbox-XXXXXX/9999-999999.sock'
  const parent = Buffer.byteLength(tmpdir() + longestName) <= socketPathLimitBytes ? tmpdir() : '/tmp'
  return mkdtempSync(join(parent, 'gearbox-'))
}
