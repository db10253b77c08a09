/** Jobs for which no worker is ready, first come, first served, bounded in number and time. */
import { GatewayError } from '../errors.js'
import type { Tier } from '../../workers/contract/job.js'
import type { JobNeed, WaitReason } from './choose-worker.js'
import type { Clock } from './clock.js'
import type { Assignment, JobOrder, PreparedOrder, Router } from './router.js'
import type { WorkerRegistry } from './worker-registry.js'

export interface WaitingLineOptions {
  registry: WorkerRegistry
  router: Router
  clock: Clock
  /** Jobs of one tier that may wait. */
  maxWaiting: number
  maxWaitMs: number
}

interface Waiter {
  tier: Tier
  prepared: PreparedOrder
  /** True when it needs to wait no longer. */
  attempt: () => boolean
}

export class WaitingLine {
  readonly #options: WaitingLineOptions
  readonly #waiters: Waiter[] = []
  readonly #unsubscribe: () => void

  constructor (options: WaitingLineOptions) {
    this.#options = options
    this.#unsubscribe = options.registry.onChange(() => this.#serve())
  }

  /** Jobs that wait for a worker of the tier. */
  waiting (tier: Tier): number {
    return this.#waiters.filter(waiter => waiter.tier === tier).length
  }

  /** Prompt tokens of those. */
  waitingTokens (tier: Tier): number {
    return this.#waiters.reduce((total, { tier: other, prepared }) => other === tier ? total + prepared.order.promptTokens : total, 0)
  }

  /**
   * @throws GatewayError no_worker_available with the reason, context_length_exceeded when no worker of the tier is large enough;
   * the signal's reason when it aborts
   */
  async acquire (order: JobOrder, signal: AbortSignal): Promise<Assignment> {
    signal.throwIfAborted()
    const { router } = this.#options
    const prepared = router.prepare(order)
    const { tier } = order
    const now = router.place(prepared)
    if (typeof now !== 'string') return now
    this.#refuseHopeless(tier, order, now)
    const waiting = this.waiting(tier)
    if (waiting >= this.#options.maxWaiting) throw this.#refusal(tier, now, `${waiting} requests wait already`)
    return await this.#wait(prepared, signal)
  }

  close (): void {
    this.#unsubscribe()
  }

  async #wait (prepared: PreparedOrder, signal: AbortSignal): Promise<Assignment> {
    const { clock, maxWaitMs, router } = this.#options
    const { order: { tier } } = prepared
    let leave = (): void => {}
    try {
      return await new Promise<Assignment>((resolve, reject) => {
        const waiter: Waiter = {
          tier,
          prepared,
          attempt: () => {
            try {
              const result = router.place(prepared)
              if (typeof result === 'string') this.#refuseHopeless(tier, prepared.order, result)
              else resolve(result)
              return typeof result !== 'string'
            } catch (error) {
              reject(error)
              return true
            }
          }
        }
        const onAbort = (): void => reject(signal.reason)
        const cancel = clock.after(maxWaitMs, () => reject(this.#timedOut(waiter)))
        signal.addEventListener('abort', onAbort)
        this.#waiters.push(waiter)
        leave = () => {
          cancel()
          signal.removeEventListener('abort', onAbort)
          const position = this.#waiters.indexOf(waiter)
          if (position >= 0) this.#waiters.splice(position, 1)
        }
      })
    } finally {
      leave()
    }
  }

  #serve (): void {
    for (const waiter of [...this.#waiters]) {
      if (!waiter.attempt()) continue
      const position = this.#waiters.indexOf(waiter)
      if (position >= 0) this.#waiters.splice(position, 1)
    }
  }

  #refuseHopeless (tier: Tier, need: Omit<JobNeed, 'answerTokens' | 'sessionInstance'>, reason: WaitReason): void {
    if (reason === 'context') {
      const largest = Math.max(...this.#options.registry.list(tier).map(({ description }) => description?.contextTokens ?? 0))
      const message = `This model's maximum context length is ${largest} tokens. However, your messages resulted in ${need.promptTokens} tokens.`
      throw new GatewayError('context_length_exceeded', message)
    }
    if (reason === 'none-registered') throw new GatewayError('no_worker_available', `no worker of tier ${tier} is configured`, { retryAfterMs: 10_000 })
    // A worker of another capability may still come, but nobody should wait on that.
    if (reason === 'cannot-resume') throw new GatewayError('worker_stream_broken', `no worker of tier ${tier} can resume an answer`)
    if (reason === 'incapable') throw new GatewayError('unsupported_parameter', `no worker of tier ${tier} can ${wishesOf(need)}`)
  }

  #timedOut ({ tier, prepared }: Waiter): GatewayError {
    const line = this.#waiters.filter(waiter => waiter.tier === tier)
    const position = line.findIndex(waiter => waiter.prepared === prepared) + 1
    const result = this.#options.router.choose(prepared)
    const reason = result.kind === 'none' ? result.reason : 'busy'
    return this.#refusal(tier, reason, `waited ${this.#options.maxWaitMs} ms, position ${position} of ${line.length}`)
  }

  #refusal (tier: Tier, reason: WaitReason, detail: string): GatewayError {
    const states = this.#options.registry.list(tier).map(({ workerId, state, stateReason }) => `${workerId} is ${state}: ${stateReason}`)
    const message = `no worker of tier ${tier} is available (${reason}; ${detail}; ${states.join(', ')})`
    return new GatewayError('no_worker_available', message, { retryAfterMs: retryAfterMs[reason] })
  }
}

function wishesOf ({ constraint, wantsLogprobs, hasChat }: Pick<JobNeed, 'constraint' | 'wantsLogprobs' | 'hasChat'>): string {
  return [
    ...(constraint === undefined ? [] : [`hold an answer to ${constraint}`]),
    ...(wantsLogprobs === true ? ['give log-probabilities'] : []),
    ...(hasChat === true ? [] : ['go on from a raw text'])
  ].join(' and ')
}

/** When asking again has a chance. */
const retryAfterMs: Record<WaitReason, number> = {
  busy: 1000,
  'long-prompts': 5000,
  memory: 2000,
  starting: 5000,
  unreachable: 5000,
  draining: 5000,
  quarantined: 30_000,
  'other-checkpoint': 30_000,
  'cannot-resume': 30_000,
  incapable: 30_000,
  'none-registered': 30_000,
  context: 30_000
}
