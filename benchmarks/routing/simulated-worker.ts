/**
 * An engine in virtual time: continuous batching with chunked prefill, finite KV memory and a prefix cache in blocks. A step
 * takes its prefill tokens / rate, and a base and a part per job when it decodes.
 */
import { blockTokens as hashedTokens } from '../../src/dispatch/block-chain.js'
import { RecentBlocks } from '../../src/dispatch/recent-blocks.js'
import type { LoadReport } from '../../workers/contract/event.js'
import type { TraceRequest } from './trace.js'

export interface WorkerProfile {
  name: string
  prefillTokensPerSecond: number
  stepMs: number
  stepMsPerJob: number
  /** Prompt tokens of one step. */
  chunkTokens: number
  maxRunning: number
  kvTokens: number
  /** Of its prefix cache. */
  blockTokens: number
}

export interface SimulatedJob {
  request: TraceRequest
  accepted: (cachedTokens: number) => void
  firstToken: () => void
  done: () => void
}

interface RunningJob extends SimulatedJob {
  cachedTokens: number
  prefillLeft: number
  decodeLeft: number
  reservedTokens: number
}

export interface Timeline {
  now: () => number
  at: (time: number, callback: () => void) => void
}

export class SimulatedWorker {
  readonly #profile: WorkerProfile
  readonly #timeline: Timeline
  readonly #cache: RecentBlocks
  readonly #waiting: RunningJob[] = []
  #prefilling: RunningJob[] = []
  #decoding: RunningJob[] = []
  #activeTokens = 0
  #promptTokensTotal = 0
  #generatedTokensTotal = 0
  /** Of the stretch of equal steps under way; null = idle. */
  #stretch: { began: number, stepMs: number, steps: number } | null = null
  #epoch = 0

  constructor (profile: WorkerProfile, timeline: Timeline) {
    this.#profile = profile
    this.#timeline = timeline
    this.#cache = new RecentBlocks(Math.floor(profile.kvTokens / hashedTokens))
  }

  submit (job: SimulatedJob): void {
    const { promptTokens, answerTokens } = job.request
    this.#waiting.push({ ...job, cachedTokens: 0, prefillLeft: promptTokens, decodeLeft: answerTokens, reservedTokens: 0 })
    if (this.#stretch === null) this.#plan()
    else this.#cutStretch()
  }

  load (): LoadReport {
    const queued = [...this.#waiting, ...this.#prefilling].reduce((sum, { prefillLeft }) => sum + prefillLeft, 0)
    return {
      running: this.#prefilling.length + this.#decoding.length,
      waiting: this.#waiting.length,
      queuedTokens: queued,
      kvUsedTokens: this.#activeTokens,
      kvCapacityTokens: this.#profile.kvTokens,
      promptTokensTotal: this.#promptTokensTotal,
      generatedTokensTotal: this.#generatedTokensTotal
    }
  }

  /** Somebody came while only decoding was planned: after the step under way there is more to do. */
  #cutStretch (): void {
    const stretch = this.#stretch
    if (stretch === null || stretch.steps === 1) return
    const stepsDone = Math.min(stretch.steps, Math.floor((this.#timeline.now() - stretch.began) / stretch.stepMs) + 1)
    if (stepsDone === stretch.steps) return
    this.#schedule({ ...stretch, steps: stepsDone })
  }

  /** The next in line, if there is memory for it: a job takes memory when its first chunk is computed, and not before. */
  #admit (): RunningJob | null {
    const { maxRunning, kvTokens } = this.#profile
    const [next] = this.#waiting
    const running = this.#prefilling.length + this.#decoding.length
    if (next === undefined || running >= maxRunning) return null
    this.#lookUp(next)
    next.reservedTokens = next.prefillLeft + next.decodeLeft
    if (running > 0 && this.#activeTokens + next.reservedTokens > kvTokens) return null
    this.#waiting.shift()
    this.#activeTokens += next.reservedTokens
    this.#prefilling.push(next)
    next.accepted(next.cachedTokens)
    return next
  }

  #plan (): void {
    const { chunkTokens, prefillTokensPerSecond, stepMs, stepMsPerJob } = this.#profile
    let budget = chunkTokens
    for (const job of this.#prefilling) budget -= Math.min(budget, job.prefillLeft)
    for (let job = budget > 0 ? this.#admit() : null; job !== null; job = budget > 0 ? this.#admit() : null) budget -= Math.min(budget, job.prefillLeft)
    this.#cache.setCapacity(Math.max(0, Math.floor((this.#profile.kvTokens - this.#activeTokens) / hashedTokens)))
    const prefill = chunkTokens - budget
    const jobs = this.#decoding.length
    if (prefill === 0 && jobs === 0) {
      this.#stretch = null
      return
    }
    const duration = prefill / prefillTokensPerSecond * 1000 + (jobs === 0 ? 0 : stepMs + stepMsPerJob * jobs)
    const steps = prefill > 0 ? 1 : Math.min(...this.#decoding.map(({ decodeLeft }) => decodeLeft))
    this.#schedule({ began: this.#timeline.now(), stepMs: duration, steps })
  }

  #schedule (stretch: { began: number, stepMs: number, steps: number }): void {
    this.#stretch = stretch
    const epoch = ++this.#epoch
    this.#timeline.at(stretch.began + stretch.stepMs * stretch.steps, () => { if (epoch === this.#epoch) this.#finish(stretch.steps) })
  }

  /** What of the prompt is cached is found out when its turn has come. */
  #lookUp (job: RunningJob): void {
    const { blockTokens } = this.#profile
    const { promptTokens, chain } = job.request
    job.cachedTokens = Math.floor(Math.min(promptTokens - 1, this.#cache.match(chain.hashes) * hashedTokens) / blockTokens) * blockTokens
    job.prefillLeft = promptTokens - job.cachedTokens
  }

  #finish (steps: number): void {
    const decoded = this.#decoding
    let budget = this.#profile.chunkTokens
    for (const job of this.#prefilling) {
      if (budget === 0) break
      const tokens = Math.min(budget, job.prefillLeft)
      budget -= tokens
      job.prefillLeft -= tokens
      this.#promptTokensTotal += tokens
    }
    const ready = this.#prefilling.filter(({ prefillLeft }) => prefillLeft === 0)
    this.#prefilling = this.#prefilling.filter(job => !ready.includes(job))
    for (const job of decoded) job.decodeLeft -= steps
    this.#generatedTokensTotal += steps * decoded.length + ready.length
    for (const job of ready) {
      job.decodeLeft -= 1
      this.#cache.insert(job.request.chain.hashes)
      job.firstToken()
    }
    const all = [...decoded, ...ready]
    this.#decoding = all.filter(({ decodeLeft }) => decodeLeft > 0)
    for (const job of all) {
      if (job.decodeLeft > 0) continue
      this.#activeTokens -= job.reservedTokens
      job.done()
    }
    this.#plan()
  }
}
