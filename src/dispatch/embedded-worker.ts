/** One worker process as a child of ours: started, listened to, and started again when it dies. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import type { BaseLogger } from 'pino'
import { workerNoticeSchema } from '../../workers/contract/notice.js'
import type { Tier } from '../../workers/contract/job.js'
import type { Clock } from './clock.js'
import { HttpWorkerClient } from './http-worker-client.js'
import { relayWorkerLog } from './relay-worker-log.js'
import type { WorkerRecord } from './worker-record.js'
import type { WorkerRegistry } from './worker-registry.js'

export type EmbeddedEngine =
  | { engine: 'v4', checkpointDirectory: string, ranks: number }
  /** `scriptPath` null = noise of any length. */
  | { engine: 'simulator', scriptPath: string | null }
  /** An engine that is not ours; the flags are the worker's own, without --engine. */
  | { engine: 'vllm' | 'sglang' | 'llama-server' | 'openai' | 'llama', flags: string[] }

export interface EmbeddedWorkerPlan {
  workerId: string
  tier: Tier
  engine: EmbeddedEngine
}

export interface EmbeddedWorkerContext {
  registry: WorkerRegistry
  logger: BaseLogger
  clock: Clock
  /** The built worker process, dist/workers/main.js. */
  entryPath: string
  graceMs: number
  /** First pause before a restart; doubles with every death that follows soon, up to the ceiling. */
  restartMs: number
  restartCeilingMs: number
  /** How long it may load; one that twice does not is left alone. */
  startBudgetMs: number
  /** A path for the socket of the nth start; a fresh one each time, so that a dying process is never taken for its successor. */
  socketPath: (start: number) => string
}

/** A worker that was ready this long before it died was not ill when it started. */
const soundMs = 30_000
/** Once may be a cold disk. */
const overdueLimit = 2
/** Beyond the grace period: closing sockets, freeing the engine. */
const exitMs = 5000

export class EmbeddedWorker {
  readonly plan: EmbeddedWorkerPlan
  /** Resolves when it has been ready for the first time. */
  readonly ready: Promise<void>
  readonly #context: EmbeddedWorkerContext
  #child: ChildProcess | null = null
  #client: HttpWorkerClient | null = null
  #starts = 0
  #deaths = 0
  #readySince: number | null = null
  #isStopping = false
  #cancelRestart: () => void = () => {}
  #cancelBudget: () => void = () => {}
  #instanceId: string | null = null
  #overdueStarts = 0
  readonly #forgetEjections: () => void
  #markReady: () => void = () => {}

  constructor (plan: EmbeddedWorkerPlan, context: EmbeddedWorkerContext) {
    this.plan = plan
    this.#context = context
    this.ready = new Promise(resolve => { this.#markReady = resolve })
    this.#forgetEjections = context.registry.onEject((record, reason) => { this.#ejected(record, reason) })
    this.#start(0)
  }

  /** Null between a death and the restart. */
  get pid (): number | null {
    return this.#child?.pid ?? null
  }

  /** SIGTERM, on which the worker drains; SIGKILL when it outlasts its grace period. */
  async close (): Promise<void> {
    this.#stop()
    const child = this.#child
    if (child !== null) {
      const exited = once(child, 'exit')
      child.kill('SIGTERM')
      const cancel = this.#context.clock.after(this.#context.graceMs + exitMs, () => child.kill('SIGKILL'))
      await exited
      cancel()
    }
    await this.#client?.destroy()
  }

  destroy (): void {
    this.#stop()
    this.#child?.kill('SIGKILL')
    this.#client?.destroy().catch(() => {})
  }

  #stop (): void {
    this.#isStopping = true
    this.#cancelRestart()
    this.#cancelBudget()
    this.#forgetEjections()
  }

  /** Registered before it runs: jobs wait in line for it instead of being refused. */
  #start (delayMs: number): void {
    const { registry, clock, socketPath } = this.#context
    const path = socketPath(this.#starts++)
    this.#client?.destroy().catch(() => {})
    this.#client = new HttpWorkerClient(`unix:${path}`)
    registry.add(this.plan.workerId, this.plan.tier, this.#client)
    this.#cancelRestart = clock.after(delayMs, () => this.#spawn(path))
  }

  #spawn (path: string): void {
    const { entryPath, graceMs, logger } = this.#context
    const { workerId, tier, engine } = this.plan
    const flags = ['--worker-id', workerId, '--tier', tier, '--socket', path, '--grace-ms', String(graceMs), '--supervised', ...engineFlags(engine)]
    // Its standard input is held open: when this process is gone, however it died, the worker reads the end and stops.
    const child = spawn(process.execPath, [entryPath, ...flags], { stdio: ['pipe', 'pipe', 'pipe'] })
    this.#child = child
    this.#cancelBudget = this.#context.clock.after(this.#context.startBudgetMs, () => this.#overdue(child))
    this.#listen(child.stdout)
    relayWorkerLog(child.stderr, logger)
    child.on('error', error => logger.error({ err: error, workerId }, 'worker process'))
    child.once('close', (code, signal) => this.#died(child, signal ?? `exit code ${code}`))
    logger.info({ workerId, tier, workerPid: child.pid }, 'worker started')
  }

  #listen (output: Readable): void {
    const { registry, logger, clock } = this.#context
    createInterface({ input: output }).on('line', line => {
      const notice = parseNotice(line)
      if (notice === null) return logger.info({ workerId: this.plan.workerId }, line)
      this.#instanceId = notice.instanceId
      if (notice.state === 'ready') {
        this.#cancelBudget()
        this.#overdueStarts = 0
        this.#readySince = clock.now()
        this.#markReady()
      }
      registry.probe(this.plan.workerId).catch(() => {})
    })
  }

  /** Its HTTP lives while the engine does not: only a kill is certain to end that. */
  #ejected ({ workerId, instanceId }: WorkerRecord, reason: string): void {
    if (workerId !== this.plan.workerId || instanceId === null || instanceId !== this.#instanceId) return
    this.#context.logger.error({ workerId, reason }, 'worker is killed, to be restarted')
    this.#child?.kill('SIGKILL')
  }

  #overdue (child: ChildProcess): void {
    this.#overdueStarts += 1
    this.#context.logger.error({ workerId: this.plan.workerId, startBudgetMs: this.#context.startBudgetMs }, 'worker has not loaded in time')
    child.kill('SIGKILL')
  }

  #died (child: ChildProcess, how: string): void {
    if (this.#child !== child) return
    this.#cancelBudget()
    const { registry, logger, clock, restartMs, restartCeilingMs } = this.#context
    const { workerId } = this.plan
    this.#child = null
    if (this.#isStopping) {
      registry.remove(workerId, 'stopped')
      return
    }
    if (this.#overdueStarts >= overdueLimit) {
      logger.fatal({ workerId }, 'worker did not load in time again: it is not started any more')
      registry.quarantine(workerId, 'did not load in time, twice')
      return
    }
    const wasSound = this.#readySince !== null && clock.now() - this.#readySince > soundMs
    this.#deaths = wasSound ? 0 : this.#deaths + 1
    this.#readySince = null
    const delayMs = Math.min(restartCeilingMs, restartMs * 2 ** Math.max(0, this.#deaths - 1))
    logger.error({ workerId, how, delayMs }, 'worker died, to be restarted')
    this.#start(delayMs)
  }
}

function engineFlags (engine: EmbeddedEngine): string[] {
  if (engine.engine === 'v4') return ['--engine', 'v4', '--checkpoint', engine.checkpointDirectory, '--ranks', String(engine.ranks)]
  if (engine.engine !== 'simulator') return ['--engine', engine.engine, ...engine.flags]
  return ['--engine', 'simulator', ...(engine.scriptPath === null ? [] : ['--script', engine.scriptPath])]
}

function parseNotice (line: string): ReturnType<typeof workerNoticeSchema.parse> | null {
  try {
    return workerNoticeSchema.parse(JSON.parse(line))
  } catch {
    return null
  }
}
