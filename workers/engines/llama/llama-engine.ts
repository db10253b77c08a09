/**
 * llama.cpp (GGUF files, CPU or GPU) through node-llama-cpp in a process of its own. Greedy answers are those of our engine on
 * the same weights (test/parity). No prefix is kept from one job to the next.
 */
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { EngineDescription } from '../../contract/description.js'
import type { FailEvent, JobEvent, LoadReport } from '../../contract/event.js'
import type { Job } from '../../contract/job.js'
import type { Engine } from '../engine.js'
import { describeServed, type ServedCheckpoint } from '../remote/served-checkpoint.js'
import { JobChannel } from '../v4/job-channel.js'
import type { LlamaReply, LlamaRequest, LlamaSettings } from './llama-messages.js'
import { canGiveLogprobs } from './sample-options.js'

interface RunningJob {
  job: Job
  channel: JobChannel
  queuedTokens: number
}

export class LlamaEngine implements Engine {
  readonly failed: Promise<Error>
  readonly #child: ChildProcess
  readonly #description: EngineDescription
  readonly #settings: LlamaSettings
  readonly #jobs = new Map<number, RunningJob>()
  #lastId = 0
  #promptTokensTotal = 0
  #generatedTokensTotal = 0
  #ending: FailEvent | null = null

  private constructor (child: ChildProcess, description: EngineDescription, settings: LlamaSettings) {
    this.#child = child
    this.#description = description
    this.#settings = settings
    child.on('message', (reply: LlamaReply) => this.#onReply(reply))
    this.failed = new Promise(resolve => {
      child.once('exit', (code, signal) => {
        const error = new Error(`the llama.cpp process ended (${signal ?? `exit code ${code}`})`)
        // A plain close ends it too; then nobody failed.
        if (this.#ending !== null) return
        this.#end({ type: 'fail', code: 'engine-died', message: error.message, blame: 'worker', retryable: true })
        resolve(error)
      })
    })
  }

  /**
   * Starts the process and loads the file.
   * @throws Error when node-llama-cpp is not installed (with what to do), the file cannot be loaded or holds another vocabulary
   */
  static async open (settings: LlamaSettings, served: ServedCheckpoint): Promise<LlamaEngine> {
    const child = fork(fileURLToPath(new URL('llama-process.js', import.meta.url)), { stdio: ['ignore', 2, 2, 'ipc'], serialization: 'advanced' })
    try {
      const ready = firstReply(child)
      child.send({ type: 'open', settings } satisfies LlamaRequest)
      const { vocabularySize, contextTokens } = await ready
      if (vocabularySize < served.vocabularySize) {
        throw new Error(`${settings.modelPath} holds a vocabulary of ${vocabularySize}, ${served.name} needs ${served.vocabularySize}: another model`)
      }
      const capabilities = { tokenIds: true, resume: true, logprobs: true, seed: true, constraints: [] }
      return new LlamaEngine(child, describeServed('llama', served, contextTokens, capabilities), settings)
    } catch (error) {
      child.kill('SIGKILL')
      throw error
    }
  }

  describe (): EngineDescription {
    return this.#description
  }

  load (): LoadReport {
    const jobs = [...this.#jobs.values()]
    const running = Math.min(jobs.length, this.#settings.sequences)
    return {
      running,
      waiting: jobs.length - running,
      queuedTokens: jobs.reduce((sum, { queuedTokens }) => sum + queuedTokens, 0),
      kvUsedTokens: null,
      kvCapacityTokens: this.#settings.contextTokens * this.#settings.sequences,
      promptTokensTotal: this.#promptTokensTotal,
      generatedTokensTotal: this.#generatedTokensTotal
    }
  }

  async * generate (job: Job, signal: AbortSignal): AsyncGenerator<JobEvent, void, undefined> {
    const refusal = this.#ending ?? this.#refuse(job)
    if (refusal !== null) return yield refusal
    const id = ++this.#lastId
    const channel = new JobChannel()
    const abort = (): void => this.#say({ type: 'abort', id })
    this.#jobs.set(id, { job, channel, queuedTokens: job.tokenIds.length })
    this.#say({ type: 'generate', id, job })
    signal.addEventListener('abort', abort)
    if (signal.aborted) abort()
    try {
      yield { type: 'accepted', cachedTokens: 0 }
      yield * channel.read()
    } finally {
      signal.removeEventListener('abort', abort)
      if (!channel.isEnded) abort()
      this.#jobs.delete(id)
    }
  }

  async close (): Promise<void> {
    if (this.#ending !== null) return
    this.#end({ type: 'fail', code: 'engine-closed', message: 'the engine was closed', blame: 'worker', retryable: true })
    const exited = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await exited
  }

  #refuse ({ tokenIds, constraint, sampling }: Job): FailEvent | null {
    const refusal = (code: string, message: string): FailEvent => ({ type: 'fail', code, message, blame: 'request', retryable: false })
    const { contextTokens } = this.#description
    if (tokenIds.length >= contextTokens) return refusal('context-overflow', `${tokenIds.length} prompt tokens leave no room in a context of ${contextTokens}`)
    if (sampling.logprobs !== undefined && !canGiveLogprobs(sampling)) {
      return refusal('unsupported-logprobs', 'llama.cpp gives log-probabilities only at temperature 0, or at temperature 1 without truncation, and never with penalties or biases')
    }
    return constraint === undefined ? null : refusal('unsupported-constraint', `this engine does not support the constraint ${constraint.kind}`)
  }

  #onReply (reply: LlamaReply): void {
    if (reply.type === 'ready' || reply.type === 'failed') return
    const running = this.#jobs.get(reply.id)
    if (reply.type === 'prefilled') {
      this.#promptTokensTotal += reply.tokens
      if (running !== undefined) running.queuedTokens = Math.max(0, running.queuedTokens - reply.tokens)
      return
    }
    if (reply.event.type === 'tokens') {
      this.#generatedTokensTotal += reply.event.ids.length
      if (running !== undefined) running.queuedTokens = 0
    }
    running?.channel.push(reply.event)
  }

  #say (request: LlamaRequest): void {
    if (this.#child.connected) this.#child.send(request)
  }

  #end (event: FailEvent): void {
    this.#ending ??= event
    for (const { channel } of this.#jobs.values()) channel.push(event)
  }
}

async function firstReply (child: ChildProcess): Promise<Extract<LlamaReply, { type: 'ready' }>> {
  return await new Promise((resolve, reject) => {
    child.once('message', (reply: LlamaReply) => {
      if (reply.type === 'ready') resolve(reply)
      else reject(new Error(reply.type === 'failed' ? reply.message : 'llama.cpp answered out of turn'))
    })
    child.once('exit', (code, signal) => reject(new Error(`the llama.cpp process ended while loading (${signal ?? `exit code ${code}`})`)))
    child.once('error', reject)
  })
}
