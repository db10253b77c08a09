/** How long a worker may say nothing before its job is taken away. */
import type { JobEvent } from '../../workers/contract/event.js'
import type { Clock } from './clock.js'
import { WorkerFault } from './worker-fault.js'

export interface WatchdogLimits {
  /** In the worker's own line, until `accepted`, as long as the worker gets on with the jobs before this one. */
  queueMs: number
  /** First token: base + margin x tokens to prefill / rate, between floor and ceiling. A prompt of a million tokens takes minutes on the best machines. */
  firstTokenBaseMs: number
  firstTokenFloorMs: number
  firstTokenCeilingMs: number
  /** Slowest prefill that still counts as alive. */
  prefillTokensPerSecond: number
  /** Between tokens, when other jobs' prefill may block the batch. */
  silenceMs: number
  /** A worker that computes nothing for anybody while all its streams are silent. */
  stallMs: number
}

/** For CPU workers with small checkpoints as well as for GPUs; a pool may be stricter. */
export const defaultWatchdogLimits: WatchdogLimits = {
  queueMs: 10 * 60_000,
  firstTokenBaseMs: 8000,
  firstTokenFloorMs: 30_000,
  firstTokenCeilingMs: 20 * 60_000,
  prefillTokensPerSecond: 100,
  silenceMs: 60_000,
  stallMs: 30_000
}

const margin = 3

/** @param tokensAhead prompt tokens to be computed before the first token, this job's and those queued before it */
export function firstTokenLimitMs (limits: WatchdogLimits, tokensAhead: number): number {
  const { firstTokenBaseMs, firstTokenFloorMs, firstTokenCeilingMs, prefillTokensPerSecond } = limits
  const expected = firstTokenBaseMs + margin * 1000 * tokensAhead / prefillTokensPerSecond
  return Math.min(firstTokenCeilingMs, Math.max(firstTokenFloorMs, expected))
}

export interface Watch {
  /** From `accepted` to the first token; before it, how often the worker must have got on with other jobs. */
  firstTokenMs: number
  limits: WatchdogLimits
  clock: Clock
  /** Whether the worker has computed anything since this was last asked; true when it does not tell. */
  hasProgressed: () => boolean
  /** Must make the iteration end, with the fault as its reason. */
  bite: (fault: WorkerFault) => void
}

/**
 * Passes events through and bites when the next one is late. Only waiting for the worker counts, not the time the
 * reader takes; load reports do not calm it.
 */
export async function * watch (events: AsyncGenerator<JobEvent, void, undefined>, options: Watch): AsyncGenerator<JobEvent, void, undefined> {
  const { firstTokenMs, limits: { queueMs, silenceMs }, clock, bite } = options
  let phase: Phase = 'queued'
  let spentMs = 0
  let cancel = (): void => {}

  const arm = (delayMs: number, waitedMs: number): void => {
    cancel = clock.after(delayMs, () => {
      const totalMs = waitedMs + delayMs
      if (phase === 'queued' && totalMs < queueMs && options.hasProgressed()) arm(Math.min(firstTokenMs, queueMs - totalMs), totalMs)
      else bite(new WorkerFault('silent', `${sayings[phase]} within ${Math.round(totalMs)} ms`, { code: 'silent', blame: 'worker', isRetryable: true }))
    })
  }
  try {
    while (true) {
      const started = clock.now()
      arm(Math.max(0, (phase === 'decode' ? silenceMs : firstTokenMs) - spentMs), spentMs)
      const result = await events.next().finally(() => cancel())
      if (result.done === true) return
      spentMs += clock.now() - started
      const next = phaseAfter(result.value, phase)
      if (next !== phase || isOutput(result.value)) spentMs = 0
      phase = next
      yield result.value
    }
  } finally {
    await events.return()
  }
}

type Phase = 'queued' | 'prefill' | 'decode'

const sayings: Record<Phase, string> = { queued: 'not accepted', prefill: 'no first token', decode: 'no token' }

function phaseAfter (event: JobEvent, phase: Phase): Phase {
  if (event.type === 'accepted') return 'prefill'
  return isOutput(event) ? 'decode' : phase
}

function isOutput ({ type }: JobEvent): boolean {
  return type === 'tokens' || type === 'text' || type === 'tool-call'
}
