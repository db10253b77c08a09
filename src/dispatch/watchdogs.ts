/** How long a worker may say nothing before its job is taken away. */
import type { JobEvent } from '../../workers/contract/event.js'
import type { Clock } from './clock.js'
import { WorkerFault } from './worker-fault.js'

export interface WatchdogLimits {
  /** First token: base + margin x tokens to prefill / rate, between floor and ceiling. A prompt of a million tokens takes minutes on the best machines. */
  firstTokenBaseMs: number
  firstTokenFloorMs: number
  firstTokenCeilingMs: number
  /** Slowest prefill that still counts as alive. */
  prefillTokensPerSecond: number
  /** Between tokens, when other jobs' prefill may block the batch. */
  silenceMs: number
}

/** For CPU workers with small checkpoints as well as for GPUs; a pool may be stricter. */
export const defaultWatchdogLimits: WatchdogLimits = {
  firstTokenBaseMs: 8000,
  firstTokenFloorMs: 30_000,
  firstTokenCeilingMs: 20 * 60_000,
  prefillTokensPerSecond: 100,
  silenceMs: 60_000
}

const margin = 3

/** @param tokensAhead prompt tokens to be computed before the first token, this job's and those queued before it */
export function firstTokenLimitMs (limits: WatchdogLimits, tokensAhead: number): number {
  const { firstTokenBaseMs, firstTokenFloorMs, firstTokenCeilingMs, prefillTokensPerSecond } = limits
  const expected = firstTokenBaseMs + margin * 1000 * tokensAhead / prefillTokensPerSecond
  return Math.min(firstTokenCeilingMs, Math.max(firstTokenFloorMs, expected))
}

/**
 * Passes events through and bites when the next one is late. Only waiting for the worker counts, not the time the
 * reader takes; `accepted` and load reports are no tokens and do not calm it.
 *
 * @param bite must make the iteration of `events` end, with the fault as its reason
 */
export async function * watch (
  events: AsyncGenerator<JobEvent, void, undefined>,
  firstTokenMs: number,
  { silenceMs }: WatchdogLimits,
  clock: Clock,
  bite: (fault: WorkerFault) => void
): AsyncGenerator<JobEvent, void, undefined> {
  let limitMs = firstTokenMs
  let spentMs = 0
  let what = 'no first token'
  try {
    while (true) {
      const started = clock.now()
      const cancel = clock.after(limitMs - spentMs, () => {
        bite(new WorkerFault('silent', `${what} within ${Math.round(limitMs)} ms`, { code: 'silent', blame: 'worker', isRetryable: true }))
      })
      const result = await events.next().finally(cancel)
      if (result.done === true) return
      spentMs += clock.now() - started
      if (result.value.type === 'tokens') {
        limitMs = silenceMs
        spentMs = 0
        what = 'no token'
      }
      yield result.value
    }
  } finally {
    await events.return()
  }
}
