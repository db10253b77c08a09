/** Jobs for which no worker is ready: fair between owners, by priority, bounded in number and time. */
import type { Tier } from '../../workers/contract/job.js'
import type { WaitReason } from './choose-worker.js'
import type { Clock } from './clock.js'
import { FairQueue, type Queued } from './fair-queue.js'
import type { Assignment, JobOrder, PreparedOrder, Router } from './router.js'
import { hopelessError, lineError } from './wait-refusal.js'
import type { WorkerRegistry } from './worker-registry.js'

export interface WaitingLineOptions {
  registry: WorkerRegistry
  router: Router
  clock: Clock
  /** Jobs of one tier that may wait. */
  maxWaiting: number
  maxWaitMs: number
}

/** Where a job stands in line. */
export interface PlaceInLine {
  /** 1 = next. */
  position: number
  waiting: number
  /** What it waits for. */
  reason: WaitReason
}

interface Waiter extends Queued {
  prepared: PreparedOrder
  reason: WaitReason
  /** Jobs behind it that were served before it, because only they had room. */
  passed: number
  place: (assignment: Assignment) => void
  refuse: (error: unknown) => void
  moved: (place: PlaceInLine) => void
}

/** A job that others have passed this often holds the line until it has room: small jobs would starve it. */
const mostPassed = 64
/** An answer's token costs as much as two of a prompt. */
const answerCost = 2

export class WaitingLine {
  readonly #options: WaitingLineOptions
  readonly #lines: Record<Tier, FairQueue<Waiter>> = { flash: new FairQueue(), pro: new FairQueue() }
  readonly #unsubscribe: () => void
  #isServing = false

  constructor (options: WaitingLineOptions) {
    this.#options = options
    this.#unsubscribe = options.registry.onChange(() => { this.#serveAll() })
  }

  /** Jobs that wait for a worker of the tier. */
  waiting (tier: Tier): number {
    return this.#lines[tier].size
  }

  /** Prompt tokens of those. */
  waitingTokens (tier: Tier): number {
    return this.#lines[tier].inOrder().reduce((total, { prepared }) => total + prepared.order.promptTokens, 0)
  }

  /**
   * @param moved told where the job stands whenever that changes
   * @throws GatewayError no_worker_available with the reason, context_length_exceeded when no worker of the tier is large enough;
   * the signal's reason when it aborts
   */
  async acquire (order: JobOrder, signal: AbortSignal, moved: (place: PlaceInLine) => void = () => {}): Promise<Assignment> {
    signal.throwIfAborted()
    const { router, registry, maxWaiting } = this.#options
    const prepared = router.prepare(order)
    const { tier, owner = '', priority = 0 } = order
    const line = this.#lines[tier]
    // Whoever comes when others wait gets in line: room that has just become free is theirs.
    const now = line.size === 0 ? router.place(prepared) : 'busy'
    if (typeof now !== 'string') {
      line.enter(owner)
      return this.#charged(now, { owner, priority })
    }
    const hopeless = hopelessError(order, now, registry)
    if (hopeless !== null) throw hopeless
    if (line.size >= maxWaiting) throw lineError({ tier, reason: now, detail: `${line.size} requests wait already`, waitSeconds: this.#waitSeconds(tier) }, registry)
    return await this.#wait({ prepared, owner, priority, moved, reason: now }, signal)
  }

  close (): void {
    this.#unsubscribe()
  }

  async #wait (order: Omit<Waiter, 'passed' | 'place' | 'refuse'>, signal: AbortSignal): Promise<Assignment> {
    const { clock, maxWaitMs } = this.#options
    const { tier } = order.prepared.order
    const line = this.#lines[tier]
    let leave = (): void => {}
    try {
      return await new Promise<Assignment>((resolve, reject) => {
        const waiter: Waiter = { ...order, passed: 0, place: resolve, refuse: reject }
        const onAbort = (): void => reject(signal.reason)
        const cancel = clock.after(maxWaitMs, () => reject(this.#timedOut(waiter)))
        signal.addEventListener('abort', onAbort)
        leave = () => {
          cancel()
          signal.removeEventListener('abort', onAbort)
          if (line.remove(waiter)) this.#tell(tier)
        }
        line.add(waiter)
        this.#serve(tier)
      })
    } finally {
      leave()
    }
  }

  #serveAll (): void {
    // Placing a job is a change, too.
    if (this.#isServing) return
    for (const tier of ['flash', 'pro'] as const) if (this.#lines[tier].size > 0) this.#serve(tier)
  }

  #serve (tier: Tier): void {
    this.#isServing = true
    try {
      while (this.#serveOne(tier));
    } finally {
      this.#isServing = false
    }
    this.#tell(tier)
  }

  /** The first in line for whom there is room; false when there is none for anybody. Who comes next is another question after that. */
  #serveOne (tier: Tier): boolean {
    const { router, registry } = this.#options
    const line = this.#lines[tier]
    const before: Waiter[] = []
    for (const waiter of line.inOrder()) {
      const result = router.place(waiter.prepared)
      if (typeof result !== 'string') {
        for (const passed of before) passed.passed += 1
        line.enter(waiter.owner)
        line.remove(waiter)
        waiter.place(this.#charged(result, waiter))
        return true
      }
      waiter.reason = result
      const hopeless = hopelessError(waiter.prepared.order, result, registry)
      if (hopeless !== null) {
        line.remove(waiter)
        waiter.refuse(hopeless)
        return true
      }
      if (waiter.passed >= mostPassed) return false
      before.push(waiter)
    }
    return false
  }

  /** The owner pays what is expected, and the difference when it is known. */
  #charged (assignment: Assignment, queued: Queued): Assignment {
    const { worker, job } = assignment
    const line = this.#lines[worker.tier]
    const expected = job.expected.promptTokens + answerCost * job.expected.answerTokens
    line.charge(queued, expected)
    let isOpen = true
    return {
      ...assignment,
      release: () => {
        if (!isOpen) return
        isOpen = false
        line.charge(queued, job.done.promptTokens + answerCost * job.done.answerTokens - expected)
        line.leave(queued.owner)
        assignment.release()
      }
    }
  }

  #tell (tier: Tier): void {
    const line = this.#lines[tier]
    for (const [index, { moved, reason }] of line.inOrder().entries()) moved({ position: index + 1, waiting: line.size, reason })
  }

  #timedOut (waiter: Waiter): unknown {
    const { registry, router, maxWaitMs } = this.#options
    const { tier } = waiter.prepared.order
    const line = this.#lines[tier].inOrder()
    const choice = router.choose(waiter.prepared)
    const reason = choice.kind === 'none' ? choice.reason : 'busy'
    const detail = `waited ${maxWaitMs} ms, position ${line.indexOf(waiter) + 1} of ${line.length}`
    return lineError({ tier, reason, detail, waitSeconds: this.#waitSeconds(tier) }, registry)
  }

  /** Until the prompts that wait would be computed; null when nobody serves. */
  #waitSeconds (tier: Tier): number | null {
    const serving = this.#options.registry.list(tier).filter(({ canServe }) => canServe)
    const rate = serving.reduce((sum, { rates }) => sum + rates.prefillTokensPerSecond, 0)
    return rate === 0 ? null : this.waitingTokens(tier) / rate
  }
}
