/** The ranks of an engine, seen from the main thread: start them, talk to the first, end all when one ends. */
import { MessageChannel, type MessagePort, receiveMessageOnPort, type TransferListItem, Worker } from 'node:worker_threads'
import { CheckpointError, type V4Config } from '../checkpoint/config.js'
import { exchangeFloats } from '../model/exchange.js'
import { createGroupMemory, type GroupMemory, type GroupShape } from './group-memory.js'
import { type GroupSetting, type RankAssignment, type RankReply, type RankRequest } from './rank-messages.js'
import { stopGroup } from './wait-for-word.js'

export class RankGroup {
  readonly setting: GroupSetting
  /** One a rank. */
  readonly threads: readonly Worker[]
  /** Settles with the reason when a rank ended by itself; the others have been ended then. */
  readonly failed: Promise<Error>
  /** Called with what the first rank says. */
  onReply: (reply: RankReply) => void = () => {}
  readonly #memory: GroupMemory
  readonly #ports: readonly MessagePort[]
  readonly #ready: Promise<void>
  #fail: (error: Error) => void = () => {}
  #isEnding = false

  private constructor (setting: GroupSetting, shape: GroupShape) {
    this.setting = setting
    this.failed = new Promise(resolve => { this.#fail = resolve })
    this.#memory = createGroupMemory(shape)
    const ranks = Array.from({ length: setting.rankCount }, (_, rank) => this.#startRank(rank))
    this.threads = ranks.map(({ thread }) => thread)
    this.#ports = ranks.map(({ port }) => port)
    this.#ready = Promise.all(ranks.map(async ({ ready }) => { await ready })).then(() => {})
  }

  /**
   * Resolves when every rank has its weights.
   * @throws CheckpointError, or whatever a rank could not load for
   */
  static async start (setting: GroupSetting, config: V4Config): Promise<RankGroup> {
    const { rankCount, maxRows, arithmetic, capacity, contextTokens, blockTokens } = setting
    const blocksPerSequence = Math.ceil(contextTokens / blockTokens)
    const group = new RankGroup(setting, { rankCount, maxRows, exchangeFloats: exchangeFloats(config, maxRows), arithmetic, slots: capacity.slots, blocksPerSequence })
    const failure = await Promise.race([group.#ready, group.failed])
    if (failure instanceof Error) throw failure
    return group
  }

  ask (request: RankRequest): void {
    this.#ports[0]?.postMessage(request)
  }

  /** Ends all threads, wherever they are. Idempotent. */
  async close (): Promise<void> {
    this.#isEnding = true
    stopGroup(this.#memory.control)
    await Promise.all(this.threads.map(async thread => await thread.terminate()))
    for (const port of this.#ports) port.close()
  }

  #startRank (rank: number): { thread: Worker, port: MessagePort, ready: Promise<void> } {
    const { port1: port, port2 } = new MessageChannel()
    const assignment: RankAssignment = { rank, setting: this.setting, memory: this.#memory, port: port2 }
    const transferList: TransferListItem[] = [port2]
    const thread = new Worker(new URL('./rank-thread.js', import.meta.url), { workerData: assignment, transferList, name: `rank-${rank}` })
    let thrown: Error | null = null
    let told: Error | null = null
    const ready = new Promise<void>(resolve => {
      const take = (reply: RankReply): void => {
        if (reply.type === 'ready') resolve()
        else if (reply.type === 'failed') told ??= errorOf(reply.name, reply.message)
        else this.onReply(reply)
      }
      port.on('message', take)
      thread.on('error', error => { thrown ??= error })
      thread.on('exit', code => {
        // What it said last may still lie in the port.
        for (let last = receiveMessageOnPort(port); last !== undefined; last = receiveMessageOnPort(port)) take(last.message as RankReply)
        this.#onExit(told ?? thrown ?? new Error(`rank ${rank} ended with code ${code}`))
      })
    })
    return { thread, port, ready }
  }

  /** One rank less is no group: the others wait for it in the next layer. */
  #onExit (reason: Error): void {
    if (this.#isEnding) return
    this.close().catch(() => {})
    this.#fail(reason)
  }
}

/** Errors lose their class on the way between threads. */
function errorOf (name: string, message: string): Error {
  return name === 'CheckpointError' ? new CheckpointError(message) : new Error(`${name}: ${message}`)
}
