/** What a worker and the process that holds llama.cpp say to each other. */
import type { JobEvent } from '../../contract/event.js'
import type { Job } from '../../contract/job.js'

export interface LlamaSettings {
  modelPath: string
  /** Folders from which node-llama-cpp is looked for, in order. */
  moduleFolders: string[]
  threads: number
  /** Prompt and completion of one job. */
  contextTokens: number
  /** Jobs that run at once, each with a cache of its own. */
  sequences: number
  /** null = as many as fit; 0 = CPU. */
  gpuLayers: number | null
  kvType: 'F16' | 'F32'
  /** Prompt tokens computed between two looks at aborts. */
  batchTokens: number
}

export type LlamaRequest =
  | { type: 'open', settings: LlamaSettings }
  | { type: 'generate', id: number, job: Job }
  | { type: 'abort', id: number }

export type LlamaReply =
  | { type: 'ready', vocabularySize: number, contextTokens: number }
  | { type: 'failed', message: string }
  | { type: 'event', id: number, event: JobEvent }
  /** Prompt tokens of a job that have been computed. */
  | { type: 'prefilled', id: number, tokens: number }
