/** What the main thread and the rank threads say to each other. */
import { type MessagePort } from 'node:worker_threads'
import { type LoadReport } from '../../../contract/event.js'
import { type Job } from '../../../contract/job.js'
import { type NamedGrammar } from '../constraints/grammar-shelf.js'
import { type Kernels } from '../kernels/kernels.js'
import { type Mode } from '../model/mode.js'
import { type Arithmetic } from '../model/workspace.js'
import { type ScheduledEvent, type SchedulerLimits } from '../scheduler/scheduler.js'
import { type KvCapacity } from '../sequence/kv-store.js'
import { type GroupMemory } from './group-memory.js'

/** The same for every rank of a group. */
export interface GroupSetting {
  /** Directory of the checkpoint. */
  readonly directory: string
  readonly rankCount: number
  readonly mode: Mode
  readonly arithmetic: Arithmetic
  /** null = the fastest there are. */
  readonly kernels: Kernels['name'] | null
  readonly maxRows: number
  readonly contextTokens: number
  readonly capacity: KvCapacity
  readonly blockTokens: number
  readonly prefillRows: number
  /** How long a rank waits for another within a layer before it gives the group up. */
  readonly layerDeadlineMs: number
}

/** `workerData` of a rank's thread. */
export interface RankAssignment {
  readonly rank: number
  readonly setting: GroupSetting
  readonly memory: GroupMemory
  readonly port: MessagePort
}

export interface SubmitRequest {
  readonly type: 'submit'
  readonly id: number
  readonly job: Job
  /** Of the job's constraint. */
  readonly grammar: NamedGrammar | null
}

/** To the first rank only; the others hear from it through shared memory. */
export type RankRequest =
  | SubmitRequest
  | { readonly type: 'abort', readonly id: number }
  /** Logits of every position, computed `chunk` tokens at a time. While no job runs. */
  | { readonly type: 'logits', readonly id: number, readonly tokenIds: readonly number[], readonly chunk: number }

export type RankReply =
  /** Of every rank: it has its weights. */
  | { readonly type: 'ready' }
  /** Of any rank: it cannot go on, and its thread ends. */
  | { readonly type: 'failed', readonly name: string, readonly message: string }
  | { readonly type: 'events', readonly events: readonly ScheduledEvent[], readonly load: LoadReport }
  | { readonly type: 'logits', readonly id: number, readonly logits: number[][] }

export function schedulerLimitsOf ({ capacity, blockTokens, contextTokens, prefillRows }: GroupSetting): SchedulerLimits {
  return { slots: capacity.slots, blocks: capacity.blocks, snapshots: capacity.snapshots, blockTokens, contextTokens, prefillRows }
}
