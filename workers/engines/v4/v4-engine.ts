/** The embedded engine: the V4 forward pass in threads of this process. */
import { type EngineDescription } from '../../contract/description.js'
import { type FailEvent, type JobEvent, type LoadReport } from '../../contract/event.js'
import { type Job } from '../../contract/job.js'
import { type Engine } from '../engine.js'
import { ConstraintError } from './constraints/constraint-error.js'
import { GrammarMaker, type NamedGrammar } from './constraints/grammar-shelf.js'
import { describeCheckpoint } from './describe-checkpoint.js'
import { openCheckpoint } from './checkpoint/open-checkpoint.js'
import { groupSettingOf, type V4EngineOptions } from './engine-settings.js'
import { JobChannel } from './job-channel.js'
import { RankGroup } from './ranks/rank-group.js'
import { type RankReply } from './ranks/rank-messages.js'
import { refusal, refuseJob } from './scheduler/refuse-job.js'

const DEFAULT_WAITING = 256

export class V4Engine implements Engine {
  readonly failed: Promise<Error>
  readonly #group: RankGroup
  readonly #description: EngineDescription
  readonly #maxJobs: number
  readonly #channels = new Map<number, JobChannel>()
  readonly #grammars = new GrammarMaker()
  #lastId = 0
  #load: LoadReport
  #ending: FailEvent | null = null

  private constructor (group: RankGroup, description: EngineDescription, maxWaiting: number) {
    const { capacity: { blocks, slots }, blockTokens } = group.setting
    this.#group = group
    this.#description = description
    this.#maxJobs = slots + maxWaiting
    this.#load = { running: 0, waiting: 0, queuedTokens: 0, kvUsedTokens: 0, kvCapacityTokens: blocks * blockTokens, promptTokensTotal: 0, generatedTokensTotal: 0 }
    group.onReply = reply => { this.#onReply(reply) }
    this.failed = group.failed.then(error => {
      this.#end({ type: 'fail', code: 'rank-died', message: error.message, blame: 'worker', retryable: true })
      return error
    })
  }

  /**
   * Reads the checkpoint and starts the ranks.
   * @throws CheckpointError when the directory holds none that this engine can run
   */
  static async open (directory: string, options: V4EngineOptions = {}): Promise<V4Engine> {
    const checkpoint = await openCheckpoint(directory)
    await checkpoint.close()
    const setting = groupSettingOf(directory, checkpoint.config, options)
    const group = await RankGroup.start(setting, checkpoint.config)
    return new V4Engine(group, describeCheckpoint(checkpoint, directory, setting), options.maxWaiting ?? DEFAULT_WAITING)
  }

  /** The threads that compute. */
  get group (): RankGroup { return this.#group }

  describe (): EngineDescription { return this.#description }

  load (): LoadReport {
    // Jobs on their way to the first rank are not in its last report.
    const { running, waiting } = this.#load
    return { ...this.#load, waiting: Math.max(waiting ?? 0, this.#openJobs - (running ?? 0)) }
  }

  async * generate (job: Job, signal: AbortSignal): AsyncGenerator<JobEvent, void, undefined> {
    const refused = this.#refuse(job)
    if (refused !== null) return yield refused
    const grammar = this.#grammarOf(job)
    if (grammar !== null && 'type' in grammar) return yield grammar
    // Here, and not by an abort behind the job: the first rank may wake up between the two.
    if (signal.aborted) return yield { type: 'done', finish: 'abort', stopTokenId: null, usage: { promptTokens: job.tokenIds.length, completionTokens: 0, cachedTokens: 0 } }
    const id = ++this.#lastId
    const channel = new JobChannel()
    const abort = (): void => { this.#group.ask({ type: 'abort', id }) }
    this.#channels.set(id, channel)
    this.#group.ask({ type: 'submit', id, job, grammar })
    signal.addEventListener('abort', abort)
    try {
      yield * channel.read()
    } finally {
      signal.removeEventListener('abort', abort)
      if (!channel.isEnded) abort()
      this.#channels.delete(id)
    }
  }

  async close (): Promise<void> {
    this.#end({ type: 'fail', code: 'engine-closed', message: 'the engine was closed', blame: 'worker', retryable: true })
    await this.#group.close()
  }

  /** Jobs whose end has not come; a reader may still hold others. */
  get #openJobs (): number {
    let count = 0
    for (const channel of this.#channels.values()) if (!channel.isEnded) count++
    return count
  }

  #refuse (job: Job): FailEvent | null {
    if (this.#ending !== null) return this.#ending
    const { checkpoint: { name, vocabularySize }, contextTokens } = this.#description
    const refused = refuseJob(job, { checkpoint: name, vocabularySize, contextTokens })
    if (refused !== null) return refused
    if (this.#openJobs < this.#maxJobs) return null
    return { type: 'fail', code: 'queue-full', message: `${this.#openJobs} jobs run or wait already`, blame: 'worker', retryable: true }
  }

  /** Made on this thread: the first rank's has tokens to compute. */
  #grammarOf ({ constraint }: Job): NamedGrammar | FailEvent | null {
    try {
      return constraint === undefined ? null : this.#grammars.make(constraint)
    } catch (error) {
      if (!(error instanceof ConstraintError)) throw error
      return refusal('unsupported-constraint', error.message)
    }
  }

  #onReply (reply: RankReply): void {
    if (reply.type !== 'events') return
    this.#load = reply.load
    for (const { id, event } of reply.events) this.#channels.get(id)?.push(event)
  }

  #end (event: FailEvent): void {
    this.#ending ??= event
    for (const channel of this.#channels.values()) channel.push(event)
  }
}
