/** Who gets the next request: three rules as others have them, and ours, which is the gateway's own code. */
import { blockTokens } from '../../src/dispatch/block-chain.js'
import { openWork } from '../../src/dispatch/open-work.js'
import { RecentBlocks } from '../../src/dispatch/recent-blocks.js'
import { Router, type PreparedOrder } from '../../src/dispatch/router.js'
import type { SentJob } from '../../src/dispatch/sent-job.js'
import { WorkerRecord } from '../../src/dispatch/worker-record.js'
import type { LoadReport } from '../../workers/contract/event.js'
import { unreachableClient } from './unreachable-client.js'
import type { TraceRequest } from './trace.js'

export interface Placed {
  worker: number
  accepted: (cachedTokens: number) => void
  firstToken: () => void
  done: () => void
}

export interface Policy {
  /** null = not now; asked again when a job has ended. */
  place: (request: TraceRequest) => Placed | null
  /** Once a second, as probes do. */
  reported: (worker: number, load: LoadReport) => void
}

export interface PolicyContext {
  workers: number
  random: () => number
  now: () => number
}

export type PolicyName = 'round robin' | 'least load' | 'cache-aware 0.3/64/1.5' | 'cache-aware 0.5/32/1.1' | 'gearbox'

export const policies: Record<PolicyName, (context: PolicyContext) => Policy> = {
  'round robin': roundRobin,
  'least load': leastLoad,
  'cache-aware 0.3/64/1.5': context => cacheAware(context, { threshold: 0.3, absolute: 64, relative: 1.5 }),
  'cache-aware 0.5/32/1.1': context => cacheAware(context, { threshold: 0.5, absolute: 32, relative: 1.1 }),
  gearbox
}

const nothing = (): void => {}

function roundRobin ({ workers }: PolicyContext): Policy {
  let next = -1
  return {
    place: () => {
      next = (next + 1) % workers
      return { worker: next, accepted: nothing, firstToken: nothing, done: nothing }
    },
    reported: nothing
  }
}

/** Fewest requests under way, counted when they are sent; ties at random. */
function leastLoad ({ workers, random }: PolicyContext): Policy {
  const running = new Array<number>(workers).fill(0)
  return {
    place: () => {
      const least = Math.min(...running)
      const equals = running.flatMap((jobs, worker) => jobs === least ? [worker] : [])
      return counted(running, equals[Math.floor(random() * equals.length)] ?? 0)
    },
    reported: nothing
  }
}

function counted (running: number[], worker: number): Placed {
  running[worker] = (running[worker] ?? 0) + 1
  return { worker, accepted: nothing, firstToken: nothing, done: () => { running[worker] = (running[worker] ?? 0) - 1 } }
}

/**
 * SGLang's rule as it is described: when requests are unevenly spread (max - min > absolute and max > relative × min) the
 * shortest queue; else the longest match if it is more than `threshold` of the prompt; else the worker with the smallest tree.
 */
function cacheAware ({ workers }: PolicyContext, { threshold, absolute, relative }: { threshold: number, absolute: number, relative: number }): Policy {
  const running = new Array<number>(workers).fill(0)
  const trees = running.map(() => new RecentBlocks(treeBlocks))
  const indexOfLeast = (values: number[]): number => values.indexOf(Math.min(...values))
  return {
    place: ({ chain: { hashes }, promptTokens }) => {
      const [most, least] = [Math.max(...running), Math.min(...running)]
      const matches = trees.map(tree => tree.match(hashes) * blockTokens)
      const longest = Math.max(...matches)
      const isUneven = most - least > absolute && most > relative * least
      const worker = isUneven
        ? indexOfLeast(running)
        : longest / promptTokens > threshold ? matches.indexOf(longest) : indexOfLeast(trees.map(({ size }) => size))
      trees[worker]?.insert(hashes)
      return counted(running, worker)
    },
    reported: nothing
  }
}

/** Of one worker's tree, before the longest unused go. */
const treeBlocks = 65_536

/** The router that runs in the gateway, with records of workers that have no wire. */
function gearbox ({ workers, random, now }: PolicyContext): Policy {
  const records = Array.from({ length: workers }, (_, worker) => servingRecord(worker))
  const registry = {
    hasPeers: false,
    list: () => records,
    begin: (record: WorkerRecord, work: Parameters<typeof openWork>[1]) => openWork(record, work, nothing),
    noteLoad: nothing
  }
  const router = new Router({ registry, clock: { now }, random, maxJobsPerWorker: 256 })
  const waiting = new Map<TraceRequest, PreparedOrder>()
  return {
    place: request => {
      const prepared = waiting.get(request) ?? preparedOrder(request, now())
      waiting.set(request, prepared)
      const assignment = router.place(prepared)
      if (typeof assignment === 'string') return null
      waiting.delete(request)
      return { worker: records.indexOf(assignment.worker), ...eventsOf(assignment.job, request) }
    },
    reported: (worker, load) => records[worker]?.noteLoad(load, now())
  }
}

function servingRecord (worker: number): WorkerRecord {
  const workerId = `w${worker}`
  const record = new WorkerRecord(workerId, 'pro', unreachableClient)
  record.description = {
    workerId,
    instanceId: `${workerId}#1`,
    tier: 'pro',
    engine: 'simulator',
    checkpoint: { name: 'simulated', revision: 'simulated', trained: false, effortLadder: '0731', vocabularySize: 129_280, parameters: null },
    contextTokens: 1_048_576,
    capabilities: { tokenIds: true, resume: true, logprobs: true, seed: true, constraints: [] },
    ranks: null
  }
  record.move('serving', 'simulated')
  return record
}

/** Clients allow far more than they get, as they do; the chain was made when the trace was read. */
function preparedOrder ({ promptTokens, chain }: TraceRequest, since: number): PreparedOrder {
  const order = { tier: 'pro' as const, checkpoint: 'simulated', tokenIds: [], promptTokens, maxTokens: 8192, isResume: false, tried: new Set<string>() }
  return { order, chain, sessionKey: null, since }
}

function eventsOf (job: SentJob, { answerTokens }: TraceRequest): Omit<Placed, 'worker'> {
  return {
    accepted: cachedTokens => { job.note({ type: 'accepted', cachedTokens }) },
    firstToken: () => { job.note({ type: 'tokens', ids: [0] }) },
    done: () => {
      if (answerTokens > 1) job.note({ type: 'tokens', ids: new Array<number>(answerTokens - 1).fill(0) })
      job.note({ type: 'done', finish: 'stop', stopTokenId: null, usage: { promptTokens: 0, completionTokens: answerTokens, cachedTokens: null } })
      job.end()
    }
  }
}
