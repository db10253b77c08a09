/** One trace over one pool under one policy, in virtual time. */
import { policies, type Placed, type PolicyName } from './policies.js'
import { SimulatedWorker, type WorkerProfile } from './simulated-worker.js'
import { randomFrom } from './synthetic-traces.js'
import type { TraceRequest } from './trace.js'

export interface SimulationOptions {
  trace: readonly TraceRequest[]
  policy: PolicyName
  workers: number
  profile: WorkerProfile
  /** The trace's clock runs this much faster. */
  speed: number
}

export interface SimulationResult {
  /** Seconds from arrival to the first token, sorted. */
  firstTokenSeconds: number[]
  /** Share of prompt tokens found in a cache. */
  hitRate: number
  /** Prompt and answer tokens per second, from the first arrival to the last token. */
  tokensPerSecond: number
  /** Most prompt tokens that a worker computed / the mean. */
  imbalance: number
}

/** Virtual time: a heap of what is due. */
class Timeline {
  readonly #heap: Array<{ time: number, order: number, callback: () => void }> = []
  #now = 0
  #count = 0

  now = (): number => this.#now

  at = (time: number, callback: () => void): void => {
    this.#heap.push({ time, order: this.#count++, callback })
    let child = this.#heap.length - 1
    while (child > 0 && this.#isBefore(child, (child - 1) >> 1)) {
      this.#swap(child, (child - 1) >> 1)
      child = (child - 1) >> 1
    }
  }

  run (isOver: () => boolean): void {
    while (!isOver()) {
      const [first] = this.#heap
      if (first === undefined) return
      this.#swap(0, this.#heap.length - 1)
      this.#heap.pop()
      this.#sink()
      this.#now = Math.max(this.#now, first.time)
      first.callback()
    }
  }

  #sink (): void {
    let parent = 0
    while (true) {
      const [left, right] = [2 * parent + 1, 2 * parent + 2]
      let least = parent
      if (left < this.#heap.length && this.#isBefore(left, least)) least = left
      if (right < this.#heap.length && this.#isBefore(right, least)) least = right
      if (least === parent) return
      this.#swap(parent, least)
      parent = least
    }
  }

  #isBefore (one: number, other: number): boolean {
    const [a, b] = [this.#heap[one], this.#heap[other]]
    return a !== undefined && b !== undefined && (a.time < b.time || (a.time === b.time && a.order < b.order))
  }

  #swap (one: number, other: number): void {
    const [a, b] = [this.#heap[one], this.#heap[other]]
    if (a === undefined || b === undefined) return
    this.#heap[one] = b
    this.#heap[other] = a
  }
}

export function simulate ({ trace, policy: name, workers: count, profile, speed }: SimulationOptions): SimulationResult {
  const timeline = new Timeline()
  const workers = Array.from({ length: count }, () => new SimulatedWorker(profile, timeline))
  const policy = policies[name]({ workers: count, random: randomFrom(7), now: timeline.now })
  const firstTokenSeconds: number[] = []
  const line: TraceRequest[] = []
  const arrivals = new Map<TraceRequest, number>()
  let [done, cached, prompts, answers, lastAt] = [0, 0, 0, 0, 0]

  const send = (request: TraceRequest, { worker, accepted, firstToken, done: ended }: Placed): void => {
    workers[worker]?.submit({
      request,
      accepted: cachedTokens => {
        cached += cachedTokens
        accepted(cachedTokens)
      },
      firstToken: () => {
        firstTokenSeconds.push((timeline.now() - (arrivals.get(request) ?? 0)) / 1000)
        firstToken()
      },
      done: () => {
        ended()
        done += 1
        lastAt = timeline.now()
        serve()
      }
    })
  }
  const serve = (): void => {
    let waiting = 0
    for (const request of line) {
      const placed = policy.place(request)
      if (placed === null) line[waiting++] = request
      else send(request, placed)
    }
    line.length = waiting
  }
  for (const request of trace) {
    const at = request.at / speed
    arrivals.set(request, at)
    prompts += request.promptTokens
    answers += request.answerTokens
    timeline.at(at, () => {
      const placed = policy.place(request)
      if (placed === null) line.push(request)
      else send(request, placed)
    })
  }
  const report = (): void => {
    for (const [index, worker] of workers.entries()) policy.reported(index, worker.load())
    serve()
    timeline.at(timeline.now() + 1000, report)
  }
  timeline.at(1000, report)
  timeline.run(() => done === trace.length)
  const computed = workers.map(worker => worker.load().promptTokensTotal ?? 0)
  return {
    firstTokenSeconds: firstTokenSeconds.sort((one, other) => one - other),
    hitRate: cached / prompts,
    tokensPerSecond: (prompts + answers) / (lastAt / 1000),
    imbalance: Math.max(...computed) * computed.length / computed.reduce((sum, tokens) => sum + tokens, 0)
  }
}

export function quantile (sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0
}
