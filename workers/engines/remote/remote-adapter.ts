import type { EngineDescription } from '../../contract/description.js'
import type { JobEvent, JobUsage, LoadReport, TokenLogprob } from '../../contract/event.js'
import type { Job } from '../../contract/job.js'

/** What one event of an engine's stream says, as a delta. */
export interface AnswerStep {
  /** New ids; may end in the stop token. Empty for engines that speak text. */
  ids: number[]
  /** One per id, when the job asked. */
  logprobs?: TokenLogprob[]
  /** Text and tool calls of engines that only speak chat. */
  pieces?: Array<Extract<JobEvent, { type: 'text' | 'tool-call' }>>
  /** Set on the last step. `stopTokenId` null when the engine does not name it. */
  finish: { reason: 'stop' | 'length' | 'abort', stopTokenId: number | null } | null
  cachedTokens?: number | null
  /** The engine's own counts, where ours cannot be exact. */
  usage?: Omit<JobUsage, 'cachedTokens'>
}

/** One kind of engine: how it is asked and how it answers. What is the same for all is in RemoteEngine. */
export interface RemoteAdapter {
  readonly description: EngineDescription

  /**
   * Runs a job; ends after the step that carries `finish`.
   * @throws EngineFault; the signal's reason when it aborts
   */
  answer (job: Job, signal: AbortSignal): AsyncGenerator<AnswerStep, void, undefined>

  /** Tells the engine in words to stop, after the connection was closed. Rejections are ignored. */
  abort (job: Job): Promise<void>

  /** What the engine says about itself; figures it does not give are left out. @throws EngineFault when it does not answer */
  readLoad (): Promise<RemoteLoad>

  close (): Promise<void>
}

export type RemoteLoad = Partial<LoadReport> & {
  /** Changes when the engine was restarted behind our back, which makes this worker a new instance. */
  incarnation?: string | null
}
